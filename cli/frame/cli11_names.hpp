// SPDX-License-Identifier: Apache-2.0
#pragma once

// CLI11 takes seconds to compile wherever it is included: headers name its types, and only the
// sources that read a command line include it.
namespace CLI {  // NOLINT(readability-identifier-naming): its name is CLI11's
class App;
class Option;
}  // namespace CLI
