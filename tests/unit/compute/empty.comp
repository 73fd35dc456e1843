#version 450
// Does nothing: for tests of what surrounds a kernel.
layout(local_size_x = 1) in;
void main() {}
