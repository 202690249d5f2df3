// StateDirectory: what it makes, what it accepts, what it refuses.
#include "engine/state/state_directory.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/unit/engine/state/disk.h"

namespace troth::state {
namespace {

using namespace troth::testing;  // NOLINT: the tests' own vocabulary
using Mode = StateDirectory::Mode;

std::string error_of(const std::string& path, Mode mode = Mode::kCreate) {
  auto opened = StateDirectory::open(path, mode);
  return opened.ok() ? "(opened)" : opened.error().message;
}

std::string marker(const std::string& format, const std::string& store = "none") {
  return "Troth state directory\nformat: " + format + "\nstore: " + store + "\n";
}

TEST(StateDirectory, is_created_with_its_parents_and_opens_again) {
  const TemporaryDirectory root;
  const std::string path = root / "a/b/state";
  {
    auto made = StateDirectory::open(path, Mode::kCreate);
    ASSERT_TRUE(made.ok()) << made.error().message;
    EXPECT_FALSE(made.value()->has_store());
    EXPECT_EQ(made.value()->store_path(), path + "/store");
  }
  EXPECT_EQ(read_file(path + "/TROTH"), marker("1"));
  EXPECT_TRUE(StateDirectory::open(path, Mode::kMustExist).ok());
  EXPECT_TRUE(StateDirectory::open(path + "/", Mode::kCreate).ok());
}

TEST(StateDirectory, is_readable_by_its_owner_only_since_it_holds_customers) {
  const TemporaryDirectory root;
  ASSERT_TRUE(StateDirectory::open(root / "state", Mode::kCreate).ok());
  struct stat status {};
  ASSERT_EQ(stat((root / "state").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0700U);
}

TEST(StateDirectory, remembers_that_it_has_a_store) {
  const TemporaryDirectory root;
  {
    auto made = StateDirectory::open(root / "state", Mode::kCreate);
    ASSERT_TRUE(made.ok());
    ASSERT_TRUE(made.value()->remember_store().ok());
    EXPECT_TRUE(made.value()->has_store());
  }
  EXPECT_EQ(read_file(root / "state/TROTH"), marker("1", "created"));
  EXPECT_FALSE(fs::exists(root / "state/TROTH.new"));
  auto again = StateDirectory::open(root / "state", Mode::kMustExist);
  ASSERT_TRUE(again.ok());
  EXPECT_TRUE(again.value()->has_store());
}

TEST(StateDirectory, an_empty_directory_becomes_one) {
  const TemporaryDirectory root;
  fs::create_directory(root / "state");
  EXPECT_TRUE(StateDirectory::open(root / "state", Mode::kCreate).ok());
}

TEST(StateDirectory, what_a_crash_in_its_making_left_is_taken_over) {
  const TemporaryDirectory root;
  write_file(root / "TROTH.new", "Troth sta");
  EXPECT_TRUE(StateDirectory::open(root.path(), Mode::kCreate).ok());
  EXPECT_EQ(read_file(root / "TROTH"), marker("1"));
}

TEST(StateDirectory, a_directory_with_something_else_in_it_is_refused_and_left_alone) {
  const TemporaryDirectory root;
  write_file(root / "thesis.txt", "years of work");
  EXPECT_TRUE(contains(error_of(root.path()), "not empty and no state of Troth"));
  EXPECT_FALSE(fs::exists(root / "TROTH"));
  EXPECT_EQ(read_file(root / "thesis.txt"), "years of work");
}

TEST(StateDirectory, a_file_is_refused) {
  const TemporaryDirectory root;
  write_file(root / "state", "");
  EXPECT_TRUE(contains(error_of(root / "state"), "it is a file, not a directory"));
}

TEST(StateDirectory, a_newer_format_is_refused_by_its_number_whatever_follows_it) {
  const TemporaryDirectory root;
  write_file(root / "TROTH", "Troth state directory\nformat: 7\nshards: 12\n");
  const std::string error = error_of(root.path());
  EXPECT_TRUE(contains(error, "it has format 7"));
  EXPECT_TRUE(contains(error, "formats up to 1"));
}

TEST(StateDirectory, a_damaged_marker_is_refused) {
  for (const std::string& text : {std::string(), std::string("Troth state directory\n"), marker("x"), marker("0"),
                                  marker("-1"), marker("1", "maybe"), marker("1") + "more\n", std::string("garbage")}) {
    const TemporaryDirectory root;
    write_file(root / "TROTH", text);
    EXPECT_TRUE(contains(error_of(root.path()), "its file TROTH is damaged")) << text;
  }
}

TEST(StateDirectory, a_query_makes_nothing) {
  const TemporaryDirectory root;
  EXPECT_TRUE(contains(error_of(root / "state", Mode::kMustExist), "there is none"));
  EXPECT_FALSE(fs::exists(root / "state"));
  fs::create_directory(root / "empty");
  EXPECT_TRUE(contains(error_of(root / "empty", Mode::kMustExist), "there is no state in it"));
  EXPECT_TRUE(fs::is_empty(root / "empty"));
}

TEST(StateDirectory, an_empty_name_is_refused) { EXPECT_TRUE(contains(error_of(""), "--state")); }

TEST(StateDirectory, missing_permission_is_said) {
  const TemporaryDirectory root;
  ASSERT_TRUE(StateDirectory::open(root / "state", Mode::kCreate).ok());
  fs::permissions(root / "state", fs::perms::owner_read | fs::perms::owner_exec);
  const AsNobody nobody;
  const std::string error = error_of(root / "state");
  EXPECT_TRUE(contains(error, "Permission denied"));
  EXPECT_TRUE(contains(error, "Give this user permission"));
}

TEST(StateDirectory, one_that_cannot_be_created_is_said) {
  const TemporaryDirectory root;
  fs::create_directory(root / "locked");
  fs::permissions(root / "locked", fs::perms::owner_read | fs::perms::owner_exec);
  const AsNobody nobody;
  EXPECT_TRUE(contains(error_of(root / "locked/state"), "Permission denied"));
}

TEST(StateDirectory, a_read_only_file_system_is_said) {
  const TemporaryDirectory root;
  SmallDisk disk(root / "disk", 4);
  TROTH_NEEDS_MOUNT(disk);
  ASSERT_TRUE(StateDirectory::open(root / "disk/state", Mode::kCreate).ok());
  disk.make_read_only();
  const std::string error = error_of(root / "disk/state");
  EXPECT_TRUE(contains(error, "Read-only file system"));
  EXPECT_TRUE(contains(error, "Mount it writable"));
  EXPECT_TRUE(contains(error_of(root / "disk/other"), "Read-only file system"));
}

TEST(StateDirectory, a_temporary_one_goes_with_all_that_is_in_it) {
  std::string path;
  {
    auto made = StateDirectory::temporary();
    ASSERT_TRUE(made.ok()) << made.error().message;
    EXPECT_TRUE(made.value()->is_temporary());
    path = made.value()->path();
    fs::create_directories(path + "/store/deep");
    write_file(path + "/store/deep/file", "x");
    EXPECT_TRUE(fs::exists(path + "/TROTH"));
  }
  EXPECT_FALSE(fs::exists(path));
}

TEST(StateDirectory, temporary_ones_stand_in_TMPDIR_and_say_so_if_they_cannot) {
  const TemporaryDirectory root;
  const char* before = std::getenv("TMPDIR");
  const std::string kept = before != nullptr ? before : "";
  setenv("TMPDIR", root.path().c_str(), 1);
  {
    auto made = StateDirectory::temporary();
    ASSERT_TRUE(made.ok());
    EXPECT_TRUE(contains(made.value()->path(), root.path() + "/troth-"));
  }
  setenv("TMPDIR", (root / "nowhere").c_str(), 1);
  auto failed = StateDirectory::temporary();
  ASSERT_FALSE(failed.ok());
  EXPECT_TRUE(contains(failed.error().message, "TMPDIR"));
  if (before != nullptr) {
    setenv("TMPDIR", kept.c_str(), 1);
  } else {
    unsetenv("TMPDIR");
  }
}

TEST(StateDirectory, one_that_is_not_temporary_stays) {
  const TemporaryDirectory root;
  ASSERT_TRUE(StateDirectory::open(root / "state", Mode::kCreate).ok());
  EXPECT_TRUE(fs::exists(root / "state/TROTH"));
}

}  // namespace
}  // namespace troth::state
