/*
 * Copyright (c) 2026 The tnl-gso authors.
 *
 * Licensed under the Apache License, Version 2.0 (the "License");
 * you may not use this file except in compliance with the License.
 * You may obtain a copy of the License at:
 *
 *     http://www.apache.org/licenses/LICENSE-2.0
 *
 * Unless required by applicable law or agreed to in writing, software
 * distributed under the License is distributed on an "AS IS" BASIS,
 * WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
 * See the License for the specific language governing permissions and
 * limitations under the License.
 */

#include <config.h>

/* Open vSwitch's own csum.c, compiled as well as the compiler can for the
 * machine at hand: how much of our advantage is nothing but better code for
 * upstream's loop?
 *
 * Linked into tests/tnl-gso/bench/bench-native, where it takes the place of the
 * library's csum.o.  -march=native is among that program's flags; -O3 has to
 * be here, because a user's CFLAGS come last. */

#ifndef __clang__
#pragma GCC optimize ("O3")
#endif

#include "lib/csum.c"
