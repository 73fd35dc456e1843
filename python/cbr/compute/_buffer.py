"""GPU memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cbr import _cbr

if TYPE_CHECKING:
    import numpy


class Buffer(_cbr.Buffer):
    """GPU memory that kernels reach by its address, zeroed if the host can see it.

    A "host-visible" buffer is the very memory that NumPy, PyTorch on the CPU and others see, with no
    copy between: `buffer.array()`, `numpy.from_dlpack(buffer)`, `torch.from_dlpack(buffer)`,
    `memoryview(buffer)`. They see elements of its `dtype` in its `shape`. A "device-local" one is
    faster for the GPU; read() and write() copy.

    It goes the other way as well: `Buffer.of(array, copy=False)` is on the array's own memory.

    The memory lives while the object, a view of it, or work in flight that uses it does. So does an
    array whose memory it is; until then it can't be resized. Nothing
    waits for the GPU: while work in flight writes it, what the host reads is undefined, and what the
    host writes may come before or after what that work reads. Read what the GPU wrote after the
    ticket's wait(); write what it is to read before submit().
    """

    @classmethod
    def of(cls, data: Any, placement: str = "host-visible",
           device: _cbr.Device | None = None, *, copy: bool | None = True) -> Buffer:
        """A new buffer of an array, with its dtype and shape: with a copy, in C's order, or on the
        array's own memory.

        `data` is anything with the buffer protocol or DLPack on the CPU (NumPy, PyTorch), contiguous
        or not; what has fields, or another format that no dtype has, goes in as bytes. TypeError if
        it holds Python objects or numbers in another byte order than this machine's, or if it is on
        another device.

        `copy` is NumPy's: True copies, False never does, None only where it must. Without a copy the
        GPU reads and writes the array itself, which shows what it wrote after the ticket's wait().
        The buffer and work in flight keep the array alive. BufferError, which says why, where False
        can't be had: the array is read-only, is not contiguous in C's order, or does not begin at a
        multiple of 16 bytes; `placement` is "device-local"; or the device can't import the memory
        (`device.info.external_memory_host`).
        """
        if copy is not None and not isinstance(copy, bool):
            raise TypeError(f"copy is {copy!r:.80}, True or False or None is needed")
        source, tensor = data, None
        try:
            view = memoryview(data)
        except TypeError:
            if not hasattr(data, "__dlpack__"):
                raise
            source = tensor = _cbr.DlpackTensor(data, copy is not False)
            view = memoryview(tensor)  # type: ignore[arg-type]
        with view:
            size, shape = view.nbytes, view.shape
            dtype = tensor.dtype if tensor else _cbr.dtype_of_format(view.format, view.itemsize)
        if dtype is None:
            dtype, shape = "uint8", (size,)
        if copy is not True:
            shared = (_cbr.share_memory(source, device) if placement == "host-visible" else
                      f'placement is "{placement}", and the array is in the host\'s memory')
            if not isinstance(shared, str):
                return cls(shared, dtype=dtype, shape=shape)
            if copy is False:
                raise BufferError(f"a buffer of the array needs a copy (copy=None or True makes "
                                  f"one): {shared}")
        buffer = cls(size, placement, device, dtype=dtype, shape=shape)
        buffer.write(source)
        return buffer

    @classmethod
    def empty(cls, shape: int | Sequence[int], dtype: Any = "float32",
              placement: str = "host-visible", device: _cbr.Device | None = None) -> Buffer:
        """A new buffer for an array of that shape and dtype."""
        axes = (shape,) if isinstance(shape, int) else tuple(shape)
        return cls(_cbr.array_size(axes, dtype), placement, device, dtype=dtype, shape=axes)

    def array(self, dtype: Any = None, shape: int | tuple[int, ...] | None = None,
              ) -> numpy.ndarray[Any, Any]:
        """The buffer as a NumPy array, without a copy: to write into it is to write into the buffer.

        With its own dtype and shape; or as elements of another `dtype`, then in a row unless `shape`
        says otherwise. Host-visible buffers only: BufferError for another. ValueError if `dtype` or
        `shape` do not fit the size.
        """
        import numpy  # Only who asks for arrays needs it.

        own: Any = self
        if dtype is None:
            array: numpy.ndarray[Any, Any] = numpy.asarray(memoryview(own))
            return array if shape is None else array.reshape(shape)
        return numpy.frombuffer(own, dtype).reshape(-1 if shape is None else shape)
