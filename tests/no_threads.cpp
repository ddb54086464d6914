// SPDX-License-Identifier: Apache-2.0
// Linked into each test program that does not say THREADS in its CMakeLists.txt, and so is not run
// under ThreadSanitizer: in the place of the C library's, this function ends a program that starts
// a thread all the same.
#include <pthread.h>

#include <cstdlib>
#include <iostream>

extern "C" int pthread_create(pthread_t* /*thread*/, const pthread_attr_t* /*attributes*/,
                              void* (* /*run*/)(void*), void* /*argument*/) noexcept {
  std::cerr << "this test program starts a thread: add the word THREADS to its strait_test()\n";
  std::abort();
}
