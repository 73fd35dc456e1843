// Whether the headers that this is compiled with have Metal 4. Whether the system has it, is asked
// at run time.
#pragma once

#import <Metal/Metal.h>

#if defined(CBR_METAL_FAKE)
#define CBR_METAL4_SDK 1
#elif defined(__MAC_OS_X_VERSION_MAX_ALLOWED) && __MAC_OS_X_VERSION_MAX_ALLOWED >= 260000
#define CBR_METAL4_SDK 1
#elif defined(__IPHONE_OS_VERSION_MAX_ALLOWED) && __IPHONE_OS_VERSION_MAX_ALLOWED >= 260000
#define CBR_METAL4_SDK 1
#else
#define CBR_METAL4_SDK 0
#endif
