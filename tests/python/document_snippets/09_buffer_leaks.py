   stats = ring.get_statistics()
   leaked = stats.total_acquisitions - stats.total_releases
   if leaked > 0:
       print(f"❌ {leaked} buffers leaked!")
