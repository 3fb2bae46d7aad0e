// Errors: text and exit status.
#include "cmd/perdure/errors.h"

#include <gtest/gtest.h>

namespace perdure::cli {
namespace {

TEST(ErrorsTest, CodesBecomeExitStatuses) {
  EXPECT_EQ(ExitCodeOf(absl::OkStatus()), 0);
  EXPECT_EQ(ExitCodeOf(absl::InternalError("")), 1);
  EXPECT_EQ(ExitCodeOf(absl::AbortedError("")), 1);
  EXPECT_EQ(ExitCodeOf(absl::InvalidArgumentError("")), 2);
  EXPECT_EQ(ExitCodeOf(absl::NotFoundError("")), 3);
  EXPECT_EQ(ExitCodeOf(absl::UnavailableError("")), 4);
}

TEST(ErrorsTest, SaysWhatFailedAndWhatToDo) {
  const absl::Status status =
      Annotate(absl::NotFoundError("no such workflow\x1b"), "cannot describe workflow 'x'");
  EXPECT_EQ(ErrorText(status, {}),
            "perdure: cannot describe workflow 'x': no such workflow\\x1b\n"
            "  perdure workflow list shows what there is\n");
  EXPECT_EQ(ErrorText(absl::InternalError(""), {}), "perdure: INTERNAL\n");
  EXPECT_TRUE(Annotate(absl::OkStatus(), "x").ok());
}

}  // namespace
}  // namespace perdure::cli
