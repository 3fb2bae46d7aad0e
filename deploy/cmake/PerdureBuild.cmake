# Compiler, warnings, sanitizers, linker and cache: what every target of Perdure is built with.

if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  message(FATAL_ERROR
    "g++ ${CMAKE_CXX_COMPILER_VERSION} miscompiles coroutines. Use clang-19: "
    "cmake --preset release, or -DCMAKE_C_COMPILER=clang-19 -DCMAKE_CXX_COMPILER=clang++-19")
endif()

find_program(PERDURE_CCACHE ccache)
if(PERDURE_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_C_COMPILER_LAUNCHER ${PERDURE_CCACHE})
  # What ccache asks for before it caches what uses a precompiled header.
  set(CMAKE_CXX_COMPILER_LAUNCHER
      env CCACHE_SLOPPINESS=pch_defines,time_macros ${PERDURE_CCACHE})
endif()

# The allocator of the programs that are measured: a tenth more throughput than glibc's, and memory goes back to the
# system when a burst is over. Sanitizers bring their own.
find_library(PERDURE_JEMALLOC jemalloc)
function(perdure_use_jemalloc target)
  if(PERDURE_JEMALLOC AND NOT PERDURE_SANITIZER)
    target_link_libraries(${target} PRIVATE ${PERDURE_JEMALLOC})
  endif()
endfunction()

find_program(PERDURE_MOLD mold)
find_program(PERDURE_LLD NAMES ld.lld-19 ld.lld)
if(PERDURE_MOLD)
  add_link_options(-fuse-ld=mold)
elseif(PERDURE_LLD)
  add_link_options(-fuse-ld=lld)
endif()

add_compile_options(-fno-omit-frame-pointer)
if(PERDURE_SANITIZER STREQUAL "address")
  add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=undefined)
  add_link_options(-fsanitize=address,undefined)
elseif(PERDURE_SANITIZER STREQUAL "thread")
  add_compile_options(-fsanitize=thread)
  add_link_options(-fsanitize=thread)
elseif(PERDURE_SANITIZER)
  message(FATAL_ERROR "PERDURE_SANITIZER is '${PERDURE_SANITIZER}': say 'address', 'thread' or nothing")
endif()

# Warnings for our own code; generated code is exempt.
set(PERDURE_WARNINGS -Wall -Wextra -Werror -Wshadow -Wnon-virtual-dtor -Wextra-semi -Wundef)
if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  list(APPEND PERDURE_WARNINGS -Wthread-safety -Wimplicit-fallthrough)
endif()

# Precompiled headers. Most sources are short and most of what they cost is the same few headers: with these a clean
# build takes half the time. A source still includes what it uses; -DPERDURE_PCH=OFF builds without and shows it.
#
#   messages   the standard library, absl, JSON and the generated messages
#   grpc       these, gRPC, its stubs and CLI11
#   test       messages and GoogleTest
#   test_grpc  grpc and GoogleTest
option(PERDURE_PCH "Use precompiled headers" ON)
set(PERDURE_PCH_messages
    <algorithm> <any> <atomic> <chrono> <condition_variable> <coroutine> <cstdint> <deque> <functional> <map> <memory>
    <mutex> <optional> <set> <span> <string> <string_view> <thread> <tuple> <type_traits> <unordered_map> <utility>
    <variant> <vector>
    absl/container/btree_map.h absl/container/flat_hash_map.h absl/container/flat_hash_set.h absl/status/status.h
    absl/status/statusor.h absl/strings/str_cat.h absl/strings/str_format.h absl/strings/str_join.h
    absl/strings/str_split.h absl/types/span.h
    nlohmann/json.hpp
    perdure/internal/v1/records.pb.h perdure/v1/common.pb.h perdure/v1/history.pb.h perdure/v1/worker_service.pb.h
    perdure/v1/workflow_service.pb.h)
set(PERDURE_PCH_grpc
    ${PERDURE_PCH_messages} grpcpp/grpcpp.h perdure/v1/worker_service.grpc.pb.h perdure/v1/workflow_service.grpc.pb.h
    CLI/CLI.hpp)
set(PERDURE_PCH_test ${PERDURE_PCH_messages} gmock/gmock.h gtest/gtest.h)
set(PERDURE_PCH_test_grpc ${PERDURE_PCH_grpc} gmock/gmock.h gtest/gtest.h)

# What the tests' sources are compiled with on top: they are many, and run fast enough.
set(PERDURE_TEST_OPTIONS "")
if(CMAKE_BUILD_TYPE STREQUAL "Release")
  set(PERDURE_TEST_OPTIONS -O0)
endif()

# perdure_pch_target(NAME LINK dep ...): the precompiled header PERDURE_PCH_NAME.
function(perdure_pch_target name)
  cmake_parse_arguments(ARG "" "" "OPTIONS;LINK" ${ARGN})
  if(NOT PERDURE_PCH OR NOT CMAKE_CXX_COMPILER_ID MATCHES "Clang")
    return()
  endif()
  set(source ${CMAKE_CURRENT_BINARY_DIR}/perdure_pch_${name}.cc)
  file(GENERATE OUTPUT ${source} CONTENT "")
  add_library(perdure_pch_${name} OBJECT ${source})
  target_compile_options(perdure_pch_${name} PRIVATE ${ARG_OPTIONS} -Xclang -fno-pch-timestamp)
  target_link_libraries(perdure_pch_${name} PRIVATE ${ARG_LINK})
  set(headers ${PERDURE_PCH_${name}})
  list(TRANSFORM headers REPLACE "^([^<].*)$" "<\\1>")
  target_precompile_headers(perdure_pch_${name} PRIVATE ${headers})
endfunction()

# perdure_use_pch(TARGET NAME): nothing if there is no such one.
function(perdure_use_pch target name)
  if(name AND TARGET perdure_pch_${name})
    target_precompile_headers(${target} REUSE_FROM perdure_pch_${name})
    # As the precompiled header was, also where CMake would say -fPIE.
    target_compile_options(${target} PRIVATE -fPIC)
  endif()
endfunction()

# perdure_library(NAME SOURCES a.cc ... LINK dep ... [PCH name] [TESTING]): a library of one room, headers found from
# the repository's root. TESTING: it belongs to the tests.
function(perdure_library name)
  cmake_parse_arguments(ARG "TESTING" "PCH" "SOURCES;LINK" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_compile_options(${name} PRIVATE ${PERDURE_WARNINGS})
  if(ARG_TESTING)
    target_compile_options(${name} PRIVATE ${PERDURE_TEST_OPTIONS})
  endif()
  target_include_directories(${name} PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>)
  target_link_libraries(${name} PUBLIC ${ARG_LINK})
  perdure_use_pch(${name} "${ARG_PCH}")
endfunction()

# perdure_program(NAME SOURCES ... LINK ... [PCH name]): a program in bin/.
function(perdure_program name)
  cmake_parse_arguments(ARG "" "PCH" "SOURCES;LINK" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_compile_options(${name} PRIVATE ${PERDURE_WARNINGS})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(${name} PRIVATE ${ARG_LINK})
  perdure_use_pch(${name} "${ARG_PCH}")
endfunction()

# perdure_test(NAME SOURCES ... LINK ... [PCH name] [TIMEOUT s] [LABELS l]): a GoogleTest program, each of its tests
# known to ctest by name. PCH is `test` if not said.
function(perdure_test name)
  cmake_parse_arguments(ARG "" "PCH;TIMEOUT" "SOURCES;LINK;LABELS" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  if(NOT ARG_PCH)
    set(ARG_PCH test)
  endif()
  add_executable(${name} ${ARG_SOURCES})
  target_compile_options(${name} PRIVATE ${PERDURE_WARNINGS} ${PERDURE_TEST_OPTIONS})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(${name} PRIVATE ${ARG_LINK} GTest::gtest GTest::gmock GTest::gtest_main)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  perdure_use_pch(${name} "${ARG_PCH}")
  gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST
                       PROPERTIES TIMEOUT ${ARG_TIMEOUT} LABELS "${ARG_LABELS}")
endfunction()
