# What docs/reference/configuration.md shows of mistakes, as the program says it.
exec 2>&1
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
cd "$folder"
check() {
  printf 'gpu_optimizations:\n  enabled: true\n  command_buffer_ring:\n    %s\n' "$1" >ring.yaml
  cbr config check ring.yaml && exit 1
  true
}
check 'rign_size: 3'
check 'ring_size: 0'
CBR_TIMEOUT_MS=5s cbr config show >/dev/null && exit 1
true
