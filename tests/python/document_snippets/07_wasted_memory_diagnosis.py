stats = ring.get_statistics()
print(f"Reuse rate: {stats.reuse_rate * 100:.1f}%")
print(f"Ring size: {stats.ring_size}")
print(f"Wait events: {stats.wait_events}")

# If reuse_rate > 0.98 and ring_size > 2:
print("⚠️ Ring may be over-provisioned, reduce ring_size")
