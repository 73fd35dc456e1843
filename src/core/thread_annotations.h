// Clang's thread-safety annotations: ./dev lint checks them. Other compilers see nothing.
#pragma once

#ifdef __clang__
#define CBR_THREAD_ANNOTATION(annotation) __attribute__((annotation))
#else
#define CBR_THREAD_ANNOTATION(annotation)
#endif

#define CBR_CAPABILITY(name) CBR_THREAD_ANNOTATION(capability(name))
#define CBR_SCOPED_CAPABILITY CBR_THREAD_ANNOTATION(scoped_lockable)
#define CBR_GUARDED_BY(lock) CBR_THREAD_ANNOTATION(guarded_by(lock))
#define CBR_REQUIRES(...) CBR_THREAD_ANNOTATION(requires_capability(__VA_ARGS__))
#define CBR_ACQUIRE(...) CBR_THREAD_ANNOTATION(acquire_capability(__VA_ARGS__))
#define CBR_RELEASE(...) CBR_THREAD_ANNOTATION(release_capability(__VA_ARGS__))
#define CBR_TRY_ACQUIRE(...) CBR_THREAD_ANNOTATION(try_acquire_capability(__VA_ARGS__))
/// The caller must not hold the lock: for what waits, calls the driver or runs a user's code.
#define CBR_EXCLUDES(...) CBR_THREAD_ANNOTATION(locks_excluded(__VA_ARGS__))
#define CBR_NO_THREAD_SAFETY_ANALYSIS CBR_THREAD_ANNOTATION(no_thread_safety_analysis)
