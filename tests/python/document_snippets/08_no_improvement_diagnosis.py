stats = ring.get_statistics()
print(f"Reuse rate: {stats.reuse_rate * 100:.1f}%")
print(f"Ring size: {stats.ring_size}")

if stats.reuse_rate > 0.98:
    print("⚠️ Ring not being stressed, GPU execution may be too fast")
