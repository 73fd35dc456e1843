stats = ring.get_statistics()

if stats.reuse_rate > 0.95:
    print("✅ Excellent reuse rate, ring sized correctly")
elif stats.reuse_rate > 0.85:
    print("✅ Good reuse rate, acceptable performance")
elif stats.reuse_rate > 0.70:
    print("⚠️ Fair reuse rate, consider increasing ring_size")
else:
    print("❌ Poor reuse rate, increase ring_size or check GPU bottleneck")
