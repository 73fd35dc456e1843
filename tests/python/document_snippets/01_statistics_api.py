from krserve_native import CommandBufferRing

# Get current statistics
stats = ring.get_statistics()

print(f"Total acquisitions:    {stats.total_acquisitions}")
print(f"Total releases:        {stats.total_releases}")
print(f"Wait events:           {stats.wait_events}")
print(f"Reuse rate:            {stats.reuse_rate * 100:.1f}%")
print(f"Avg wait time:         {stats.avg_wait_ms:.2f}ms")
print(f"Ring size:             {stats.ring_size}")
print(f"Current index:         {stats.current_index}")
