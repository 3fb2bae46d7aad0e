// perdure admin verify.
#include <CLI/CLI.hpp>
#include <memory>
#include <ostream>

#include "cmd/perdure/commands.h"
#include "cmd/perdure/store_at_rest.h"
#include "cmd/perdure/verify_view.h"
#include "server/base/status_macros.h"
#include "server/verify/verify.h"

namespace perdure::cli {
namespace {

// The rows are read anyway, and each read compares the checksums of what it needs: this finds damage where
// nothing is read, and names the file.
void VerifyChecksums(const storage::RocksReader& store, verify::Findings& findings) {
  const absl::Status status = store.VerifyChecksums();
  if (status.ok()) return;
  verify::Problem problem;
  problem.what = "a table of the store is damaged";
  problem.expected = "blocks that match their checksums";
  problem.found = status.ToString();
  findings.Add(problem);
}

absl::StatusOr<int> Verify(Context& context, const std::string& data_dir) {
  ASSIGN_OR_RETURN(const StoreAtRest at_rest, OpenAtRest(data_dir));
  std::ostream& out = context.environment.out;
  const bool json = context.globals.json;
  int64_t shown = 0;
  // Each as it is found: there may be more than fit into memory.
  verify::Findings findings([&](const verify::Problem& problem) {
    if (json) {
      out << (shown == 0 ? "" : ",") << "\n  " << ProblemJson(problem);
    } else {
      out << ProblemText(problem, context.style) << "\n";
    }
    ++shown;
  });
  if (json) out << "{\"problems\": [";
  VerifyChecksums(*at_rest.store, findings);
  verify::VerifyStore(*at_rest.store, at_rest.format, verify::VerifyOptions(), findings);
  if (json) {
    out << (shown == 0 ? "" : "\n") << "],\n\"summary\": " << SummaryJson(findings.summary, data_dir)
        << "}\n";
  } else {
    out << SummaryText(findings.summary, data_dir, context.style);
  }
  return findings.summary.problems == 0 ? kExitOk : kExitFailed;
}

}  // namespace

void AddVerifyCommand(CLI::App& admin, Command& chosen) {
  CLI::App& verify = *admin.add_subcommand("verify", "check everything that is stored; reads only");
  auto data_dir = std::make_shared<std::string>();
  AddDataDir(verify, *data_dir);
  verify.footer(
      "Checks each run's history against every row that tells of it, and the checksums of the files. "
      "Problems\n"
      "must not be; leftovers do no harm. Exit status 0: no problem was found.\n"
      "Example: perdure admin verify --data-dir /var/lib/perdure");
  verify.callback(
      [&chosen, data_dir] { chosen = [data_dir](Context& context) { return Verify(context, *data_dir); }; });
}

}  // namespace perdure::cli
