"""GPU memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cbr import _cbr

if TYPE_CHECKING:
    import numpy


class Buffer(_cbr.Buffer):
    """GPU memory that kernels reach by its address, zeroed if the host can see it.

    A "host-visible" buffer has Python's buffer protocol: `memoryview(buffer)` and
    `buffer.array("float32")` are its very bytes, with no copy between. A "device-local" one is
    faster for the GPU; read() and write() copy.

    The memory lives while the object, a view of it, or work in flight that uses it does. Read what
    the GPU wrote after the ticket's wait(); write what it is to read before submit().
    """

    @classmethod
    def of(cls, data: Any, placement: str = "host-visible",
           device: _cbr.Device | None = None) -> Buffer:
        """A new buffer with a copy of an array's bytes, in C's order.

        `data` is anything with the buffer protocol, contiguous or not. TypeError if it holds Python
        objects or numbers in another byte order than this machine's.
        """
        with memoryview(data) as view:
            size = view.nbytes
        buffer = cls(size, placement, device)
        buffer.write(data)
        return buffer

    def array(self, dtype: Any = "uint8", shape: int | tuple[int, ...] = -1,
              ) -> numpy.ndarray[Any, Any]:
        """The bytes as a NumPy array, without a copy: to write into it is to write into the buffer.

        Host-visible buffers only: BufferError for another. ValueError if `dtype` or `shape` do not
        fit the size.
        """
        import numpy  # Only who asks for arrays needs it.

        memory: Any = memoryview(self)  # type: ignore[arg-type]  # stubs say so from Python 3.12 on
        array: numpy.ndarray[Any, Any] = numpy.frombuffer(memory, dtype)
        return array.reshape(shape)
