"""A Vulkan device that another library opened: here this test, through ctypes."""

import ctypes

_VOID = ctypes.c_void_p
_U32 = ctypes.c_uint32


class _ApplicationInfo(ctypes.Structure):
    _fields_ = [("sType", _U32), ("pNext", _VOID), ("name", ctypes.c_char_p), ("version", _U32),
                ("engine", ctypes.c_char_p), ("engine_version", _U32), ("api_version", _U32)]


class _InstanceCreateInfo(ctypes.Structure):
    _fields_ = [("sType", _U32), ("pNext", _VOID), ("flags", _U32), ("application", _VOID),
                ("layer_count", _U32), ("layers", _VOID), ("extension_count", _U32),
                ("extensions", _VOID)]


class _QueueCreateInfo(ctypes.Structure):
    _fields_ = [("sType", _U32), ("pNext", _VOID), ("flags", _U32), ("family", _U32),
                ("count", _U32), ("priorities", _VOID)]


class _DeviceCreateInfo(ctypes.Structure):
    _fields_ = [("sType", _U32), ("pNext", _VOID), ("flags", _U32), ("queue_count", _U32),
                ("queues", _VOID), ("layer_count", _U32), ("layers", _VOID),
                ("extension_count", _U32), ("extensions", _VOID), ("features", _VOID)]


class _TimelineFeatures(ctypes.Structure):
    _fields_ = [("sType", _U32), ("pNext", _VOID), ("on", _U32)]


class _AddressFeatures(ctypes.Structure):
    _fields_ = [("sType", _U32), ("pNext", _VOID), ("on", _U32), ("replay", _U32),
                ("multi_device", _U32)]


class ForeignDevice:
    """An instance, a device and its first queue of family 0, as integers."""

    def __init__(self):
        self._vk = ctypes.CDLL("libvulkan.so.1")
        application = _ApplicationInfo(sType=0, api_version=(1 << 22) | (2 << 12))
        create = _InstanceCreateInfo(sType=1, application=ctypes.addressof(application))
        self.instance = self._make("vkCreateInstance", ctypes.byref(create))
        count = _U32(1)
        physical_device = _VOID()
        self._call("vkEnumeratePhysicalDevices", _VOID(self.instance), ctypes.byref(count),
                   ctypes.byref(physical_device), incomplete_too=True)
        self.physical_device = physical_device.value
        addresses = _AddressFeatures(sType=1000257000, on=1)
        timeline = _TimelineFeatures(sType=1000207000, pNext=ctypes.addressof(addresses), on=1)
        priority = ctypes.c_float(1)
        queues = _QueueCreateInfo(sType=2, family=0, count=1,
                                  priorities=ctypes.addressof(priority))
        create = _DeviceCreateInfo(sType=3, pNext=ctypes.addressof(timeline), queue_count=1,
                                   queues=ctypes.addressof(queues))
        self.device = self._make("vkCreateDevice", _VOID(self.physical_device),
                                 ctypes.byref(create))
        queue = _VOID()
        self._vk.vkGetDeviceQueue(_VOID(self.device), _U32(0), _U32(0), ctypes.byref(queue))
        self.queue = queue.value

    def handles(self):
        """What cbr.Device.wrap() needs of it."""
        return {"instance": self.instance, "physical_device": self.physical_device,
                "device": self.device, "queue": self.queue, "queue_family": 0,
                "buffer_device_address": True}

    def close(self):
        """Destroys it all."""
        self._vk.vkDestroyDevice(_VOID(self.device), None)
        self._vk.vkDestroyInstance(_VOID(self.instance), None)

    def _make(self, function, *arguments):
        made = _VOID()
        self._call(function, *arguments, None, ctypes.byref(made))
        return made.value

    def _call(self, function, *arguments, incomplete_too=False):
        result = getattr(self._vk, function)(*arguments)
        if result != 0 and not (incomplete_too and result == 5):
            raise OSError(f"{function} returned {result}")
