stats = ring.get_statistics()
print(f"Avg wait: {stats.avg_wait_ms:.2f}ms")
print(f"Wait events: {stats.wait_events}")
print(f"Total acquisitions: {stats.total_acquisitions}")
