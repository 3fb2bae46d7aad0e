# Compiler, warnings, sanitizers, linker and cache: what every target of Perdure is built with.

if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  message(FATAL_ERROR
    "g++ ${CMAKE_CXX_COMPILER_VERSION} miscompiles coroutines. Use clang-19: "
    "cmake --preset release, or -DCMAKE_C_COMPILER=clang-19 -DCMAKE_CXX_COMPILER=clang++-19")
endif()

find_program(PERDURE_CCACHE ccache)
if(PERDURE_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_C_COMPILER_LAUNCHER ${PERDURE_CCACHE})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${PERDURE_CCACHE})
endif()

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

# perdure_library(NAME SOURCES a.cc ... LINK dep ...): a library of one room, headers found from the
# repository's root.
function(perdure_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_compile_options(${name} PRIVATE ${PERDURE_WARNINGS})
  target_include_directories(${name} PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>)
  target_link_libraries(${name} PUBLIC ${ARG_LINK})
endfunction()

# perdure_program(NAME SOURCES ... LINK ...): a program in bin/.
function(perdure_program name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_compile_options(${name} PRIVATE ${PERDURE_WARNINGS})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(${name} PRIVATE ${ARG_LINK})
endfunction()

# perdure_test(NAME SOURCES ... LINK ... [TIMEOUT s] [LABELS l]): a GoogleTest program, each of its
# tests known to ctest by name.
function(perdure_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT" "SOURCES;LINK;LABELS" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  add_executable(${name} ${ARG_SOURCES})
  target_compile_options(${name} PRIVATE ${PERDURE_WARNINGS})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(${name} PRIVATE ${ARG_LINK} GTest::gtest GTest::gmock GTest::gtest_main)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST
                       PROPERTIES TIMEOUT ${ARG_TIMEOUT} LABELS "${ARG_LABELS}")
endfunction()
