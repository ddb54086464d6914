// SPDX-License-Identifier: Apache-2.0
#pragma once

// Defines STRAIT_THREAD_SANITIZER or STRAIT_ADDRESS_SANITIZER where this is compiled with one of
// them: g++ defines a macro of its own, clang++ answers a question.
#ifdef __has_feature
#define STRAIT_HAS_FEATURE(x) __has_feature(x)
#else
#define STRAIT_HAS_FEATURE(x) 0
#endif

#if defined(__SANITIZE_THREAD__) || STRAIT_HAS_FEATURE(thread_sanitizer)
#define STRAIT_THREAD_SANITIZER
#endif

#if defined(__SANITIZE_ADDRESS__) || STRAIT_HAS_FEATURE(address_sanitizer)
#define STRAIT_ADDRESS_SANITIZER
#endif
