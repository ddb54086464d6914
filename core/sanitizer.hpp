// SPDX-License-Identifier: Apache-2.0
#pragma once

// Whether this is compiled with ThreadSanitizer or AddressSanitizer: g++ defines a macro, clang++
// answers a question.
#ifdef __has_feature
#define STRAIT_HAS_FEATURE(x) __has_feature(x)
#else
#define STRAIT_HAS_FEATURE(x) 0
#endif

#if defined(__SANITIZE_THREAD__) || STRAIT_HAS_FEATURE(thread_sanitizer)
#define STRAIT_THREAD_SANITIZER 1
#else
#define STRAIT_THREAD_SANITIZER 0
#endif

#if defined(__SANITIZE_ADDRESS__) || STRAIT_HAS_FEATURE(address_sanitizer)
#define STRAIT_ADDRESS_SANITIZER 1
#else
#define STRAIT_ADDRESS_SANITIZER 0
#endif
