// Tells that the SDK knows Metal 4. Apple's umbrella header includes all of its headers.
#pragma once

#import <Metal/Metal.h>
