// SPDX-License-Identifier: Apache-2.0
// strait: probe -> outcomes -> windows -> evidence -> verdicts -> plan. Each subcommand reads its
// words, calls the folders that do the work, and ends with an exit status of exit_status.hpp.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <string>
#include <vector>

#include "cli/analyze/command.hpp"
#include "cli/analyze/run.hpp"
#include "cli/capture/command.hpp"
#include "cli/capture/run.hpp"
#include "cli/config/command.hpp"
#include "cli/doctor/command.hpp"
#include "cli/doctor/run.hpp"
#include "cli/frame/exit_status.hpp"
#include "cli/frame/usage.hpp"
#include "cli/probe/command.hpp"
#include "cli/probe/engines.hpp"
#include "cli/probe/nagios.hpp"
#include "cli/probe/run.hpp"
#include "cli/reflect/command.hpp"
#include "cli/reflect/run.hpp"
#include "cli/routes/approve.hpp"
#include "cli/routes/bmp_run.hpp"
#include "cli/routes/command.hpp"
#include "cli/routes/expire.hpp"
#include "cli/routes/history.hpp"
#include "cli/routes/inbound_run.hpp"
#include "cli/routes/rib_run.hpp"
#include "cli/routes/run.hpp"
#include "cli/service/command.hpp"
#include "cli/simulate/command.hpp"
#include "cli/simulate/run.hpp"

namespace {

using namespace strait;

// Colour is for people: a terminal, and nobody has said no (https://no-color.org).
bool wants_colour(int fd) {
  const char* const no_color = std::getenv("NO_COLOR");
  return ::isatty(fd) != 0 && (no_color == nullptr || *no_color == '\0');
}

int finish(const Result<int>& result) {
  if (result) return *result;
  // A report about a configuration has lines of its own, which begin with the file.
  const std::string& message = result.error().message;
  const bool lines = message.find('\n') != std::string::npos;
  std::cerr << (lines ? "" : "strait: ") << message << (message.ends_with('\n') ? "" : "\n");
  return cli::exit_status(result.error().code);
}

bool shows_progress(const cli::ProbeOptions& options) {
  return ::isatty(STDERR_FILENO) != 0 && !options.json && !options.quiet && !options.live &&
         !options.is_plugin();
}

int probe(const cli::ProbeOptions& options) {
  const cli::ProbeStreams streams{.results = std::cout,
                                  .progress = std::cerr,
                                  .input = std::cin,
                                  .canvas = cli::canvas_of(STDOUT_FILENO),
                                  .colour = wants_colour(STDOUT_FILENO),
                                  .show_progress = shows_progress(options)};
  return finish(cli::run_probe(options, cli::open_transport, streams));
}

int reflect(const cli::ReflectOptions& options) {
  return finish(cli::run_reflect(options, std::cout, std::cerr));
}

int serve(const cli::RunOptions& options) { return finish(cli::run_service(options)); }

int check(const std::string& file) { return finish(cli::check_configuration(file)); }

int analyze(const cli::AnalyzeOptions& options) {
  return finish(cli::run_analyze(options, wants_colour(STDOUT_FILENO), std::cout, std::cerr));
}

int simulate(const cli::SimulateOptions& options) {
  const cli::SimulateStreams streams{.results = std::cout,
                                     .progress = std::cerr,
                                     .colours = wants_colour(STDOUT_FILENO),
                                     .show_progress = ::isatty(STDERR_FILENO) != 0};
  return finish(cli::run_simulate(options, streams));
}

int capture(const cli::CaptureOptions& options) {
  const cli::CaptureStreams streams{.results = std::cout,
                                    .progress = std::cerr,
                                    .canvas = cli::canvas_of(STDOUT_FILENO),
                                    .colours = wants_colour(STDOUT_FILENO)};
  return finish(cli::run_capture(options, streams));
}

int doctor(const cli::DoctorOptions& options) {
  return finish(cli::run_doctor(options, wants_colour(STDOUT_FILENO), std::cout));
}

// `strait routes ...`: each command is a function of its options and the streams.
cli::RoutesWork routes_work() {
  const auto with = [](auto run) {
    return [run](const auto& options) {
      const bool colours = wants_colour(STDOUT_FILENO);
      return finish(run(options, cli::RoutesStreams{std::cout, std::cerr, colours}));
    };
  };
  return {.recommend = with(cli::run_recommend),
          .explain = with(cli::run_explain),
          .diff = with(cli::run_diff),
          .render = with(cli::run_render),
          .inbound = with(cli::run_inbound),
          .apply = with(cli::run_apply),
          .pending = with(cli::run_pending),
          .approve = with(cli::run_approve),
          .history = with(cli::run_history),
          .rollback = with(cli::run_rollback),
          .verify = with(cli::run_verify),
          .expire = with(cli::run_expire),
          .stop = with(cli::run_stop),
          .resume = with(cli::run_resume),
          .rib =
              [](const cli::RibOptions& options) {
                return finish(cli::run_rib(options, std::cout, std::cerr));
              },
          .bmp =
              [](const cli::BmpOptions& options) {
                return finish(cli::run_bmp(options, std::cout, std::cerr));
              }};
}

void add_commands(CLI::App& app) {
  cli::add_probe_command(app, probe);
  cli::add_reflect_command(app, reflect);
  cli::add_capture_command(app, capture);
  cli::add_run_command(app, serve);
  cli::add_analyze_command(app, analyze);
  cli::add_routes_command(app, routes_work());
  cli::add_simulate_command(app, simulate);
  cli::add_doctor_command(app, doctor);
  cli::add_config_command(app, check);
}

int run(const std::vector<std::string>& words) {
  CLI::App app{"Which way out is fastest, how sure that is, and what to tell BGP"};
  app.name("strait");
  app.formatter(cli::help_layout());
  app.option_defaults()->disable_flag_override();  // "--open=3" is a mistake, not --open
  app.set_help_flag("-h,--help", "Say what there is, and end");
  app.set_version_flag("--version", "strait " STRAIT_VERSION " (" STRAIT_REVISION ")",
                       "Print version and revision, and end");
  app.require_subcommand(1);
  add_commands(app);
  app.footer(
      "'strait COMMAND --help' tells more. Exit status: 0 fine, 1 a target or a threshold failed, "
      "2 "
      "usage\nor configuration, 3 no permission or no such device, 4 input or output failed.");
  try {
    // CLI11 takes the words in reverse.
    app.parse(std::vector<std::string>{words.rbegin(), words.rend()});
  } catch (const CLI::RuntimeError& end) {
    return end.get_exit_code();  // a command's own exit status
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error, std::cout, std::cerr);  // --help
    std::cerr << cli::usage_error(app, words, error);
    return cli::asks_for_plugin(words) ? static_cast<int>(cli::PluginState::unknown)
                                       : cli::exit_usage;
  }
  return 0;
}

// What nobody could write is no success, whatever the command thinks: the disk may be full.
int written(int status) {
  std::cout.flush();
  if (std::cout) return status;
  std::cerr << "strait: not all of the standard output could be written\n";
  return status == 0 ? cli::exit_io : status;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return written(run({argv + 1, argv + argc}));
  } catch (const std::exception& error) {
    std::cerr << "strait: " << error.what() << '\n';
  } catch (...) {
    std::cerr << "strait: unknown failure\n";
  }
  return cli::exit_io;
}
