stats = ring.get_statistics()

if stats.avg_wait_ms < 0.1:
    print("✅ No blocking, optimal performance")
elif stats.avg_wait_ms < 1.0:
    print("✅ Minimal blocking, acceptable")
elif stats.avg_wait_ms < 5.0:
    print("⚠️ Moderate blocking, investigate GPU load")
else:
    print("❌ Severe blocking, GPU bottleneck or deadlock")
