# Tests: one program per folder of tests/, all *_test.cc of the folder in it.
# Labels for `ctest -L`: unit (also the scripts and the fuzz replays), e2e.

# A program of tests/ or bench/: sees every folder and the test support.
function(oddverb_test_program target folder)
  add_executable(${target} ${ARGN})
  set_target_properties(
    ${target} PROPERTIES RUNTIME_OUTPUT_DIRECTORY
                         "${PROJECT_BINARY_DIR}/${folder}")
  target_link_libraries(
    ${target} PRIVATE oddverb_test_support oddverb_warnings
                      simdjson::simdjson ZLIB::ZLIB zstd::libzstd_shared)
  oddverb_test_compile_options(${target})
  if(TARGET oddverb_test_headers)
    target_precompile_headers(${target} REUSE_FROM oddverb_test_headers)
  endif()
endfunction()

# Half of a build was spent on making tests themselves faster, which wait for
# what they test. What is counted against is written in tests too, so a release
# makes them a little faster.
function(oddverb_test_compile_options target)
  if(ODDVERB_FUZZ)
    return()
  endif()
  if(ODDVERB_SANITIZE)
    target_compile_options(${target} PRIVATE -O0)
  else()
    # With -O1 g++ 12 sees overflows in the standard library where there are
    # none; the sanitizers see those that are.
    target_compile_options(
      ${target} PRIVATE -O1 $<$<CXX_COMPILER_ID:GNU>:-Wno-array-bounds
                        -Wno-stringop-overflow -Wno-stringop-overread>)
  endif()
endfunction()

# What most tests include is parsed once, as in cmake/Library.cmake.
function(oddverb_test_headers)
  if(ODDVERB_FUZZ OR ODDVERB_EACH_FILE_ALONE)
    return()
  endif()
  set(source "${PROJECT_BINARY_DIR}/oddverb_test_headers.cc")
  file(CONFIGURE OUTPUT "${source}" CONTENT "// See cmake/Tests.cmake.\n")
  add_library(oddverb_test_headers OBJECT "${source}")
  target_link_libraries(
    oddverb_test_headers PRIVATE oddverb_test_support oddverb_warnings
                                 simdjson::simdjson ZLIB::ZLIB
                                 zstd::libzstd_shared)
  oddverb_test_compile_options(oddverb_test_headers)
  target_precompile_headers(
    oddverb_test_headers
    PRIVATE <algorithm> <filesystem> <fstream> <functional> <map> <memory>
            <optional> <random> <set> <span> <sstream> <string> <string_view>
            <thread> <utility> <variant> <vector> <absl/status/statusor.h>
            <absl/strings/str_cat.h> <absl/time/time.h> <gmock/gmock.h>
            <gtest/gtest.h> <nlohmann/json.hpp>)
endfunction()

# tests/support/*.cc, without the main of the fuzz replays.
function(oddverb_test_support)
  file(GLOB sources CONFIGURE_DEPENDS
       "${PROJECT_SOURCE_DIR}/tests/support/*.cc")
  list(FILTER sources EXCLUDE REGEX "(_main|_test)\\.cc$")
  add_library(oddverb_test_support STATIC ${sources})
  target_compile_definitions(
    oddverb_test_support PUBLIC ODDVERB_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  target_include_directories(oddverb_test_support
                             PUBLIC "${PROJECT_SOURCE_DIR}")
  get_property(folders GLOBAL PROPERTY oddverb_folders)
  oddverb_compile_together(oddverb_test_support HEADERS ${folders} tests/support
                           SOURCES ${sources})
  target_link_libraries(
    oddverb_test_support
    PUBLIC oddverb_all GTest::gmock nlohmann_json::nlohmann_json
    PRIVATE oddverb_warnings ZLIB::ZLIB zstd::libzstd_shared OpenSSL::SSL
            rdkafka::rdkafka CURL::libcurl)
  # Preloaded into programs that have no sanitizer.
  add_library(oddverb_call_recorder MODULE
              "${PROJECT_SOURCE_DIR}/tests/peers/recorder/call_recorder.cc")
  target_compile_options(oddverb_call_recorder PRIVATE -fno-sanitize=all)
  target_link_options(oddverb_call_recorder PRIVATE -fno-sanitize=all)
  add_dependencies(oddverb_test_support oddverb_call_recorder)
  target_compile_definitions(
    oddverb_test_support
    PRIVATE ODDVERB_CALL_RECORDER="$<TARGET_FILE:oddverb_call_recorder>")
endfunction()

# Folders whose tests start no thread: ThreadSanitizer has nothing to see there,
# so its preset does without a third of the test sources.
set(ODDVERB_SINGLE_THREADED_TESTS base bench detectors model rules stats yaml)

# An error if a test of `folder` starts a thread all the same.
function(oddverb_require_no_threads folder)
  foreach(source IN LISTS ARGN)
    file(STRINGS "${source}" threads REGEX "std::(j?thread|async)[ (<{]")
    if(threads)
      message(FATAL_ERROR "${source} starts a thread: take ${folder} out of "
                          "ODDVERB_SINGLE_THREADED_TESTS (cmake/Tests.cmake)")
    endif()
  endforeach()
endfunction()

# A test that hangs ends after this. Under a sanitizer the longest take twenty
# times as long, and machines of CI are shared.
set(ODDVERB_TEST_TIMEOUT_SECONDS 300)
if(ODDVERB_SANITIZE)
  set(ODDVERB_TEST_TIMEOUT_SECONDS 1200)
endif()

function(oddverb_gtest_programs)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS
       "${PROJECT_SOURCE_DIR}/tests/*_test.cc")
  set(folders "")
  foreach(source IN LISTS sources)
    cmake_path(RELATIVE_PATH source BASE_DIRECTORY
               "${PROJECT_SOURCE_DIR}/tests" OUTPUT_VARIABLE relative)
    string(REGEX REPLACE "/.*" "" folder "${relative}")
    list(APPEND folders "${folder}")
    list(APPEND sources_of_${folder} "${source}")
  endforeach()
  list(REMOVE_DUPLICATES folders)

  foreach(folder IN LISTS folders)
    if(folder IN_LIST ODDVERB_SINGLE_THREADED_TESTS)
      oddverb_require_no_threads(${folder} ${sources_of_${folder}})
      if(ODDVERB_SANITIZE STREQUAL "thread")
        continue()
      endif()
    endif()
    set(target ${folder}_test)
    oddverb_test_program(${target} tests ${sources_of_${folder}})
    target_link_libraries(${target} PRIVATE GTest::gmock_main)
    # Half of what compiles a test is the same in the next one, so some are
    # compiled together: names at namespace scope are unique in a folder of
    # tests, also those without linkage (tools/check, and the compiler).
    if(NOT ODDVERB_EACH_FILE_ALONE)
      set_target_properties(${target} PROPERTIES UNITY_BUILD ON
                                                 UNITY_BUILD_BATCH_SIZE 8)
    endif()
    if(folder STREQUAL "bench")
      target_link_libraries(${target} PRIVATE oddverb_detection_lab)
    endif()
    set(label unit)
    if(folder STREQUAL "e2e")
      set(label e2e)
      target_compile_definitions(
        ${target}
        PRIVATE ODDVERB_BINARY="${PROJECT_BINARY_DIR}/oddverb"
                ODDVERB_BUILD_TYPE="${CMAKE_BUILD_TYPE}"
                ODDVERB_TEST_PROGRAMS="${PROJECT_BINARY_DIR}/tests")
      if(TARGET oddverb)
        add_dependencies(${target} oddverb)
      endif()
      oddverb_peers()
      add_dependencies(${target} oddverb_peers split_commit_service)
    endif()
    gtest_discover_tests(
      ${target}
      TEST_PREFIX ${folder}.
      DISCOVERY_MODE PRE_TEST
      DISCOVERY_TIMEOUT 60
      PROPERTIES LABELS ${label} TIMEOUT ${ODDVERB_TEST_TIMEOUT_SECONDS})
  endforeach()
endfunction()

# The service with an error built in, which tests of kills must see.
function(oddverb_broken_service)
  oddverb_test_program(split_commit_service tests
                       "${PROJECT_SOURCE_DIR}/tests/support/split_commit_main.cc")
endfunction()

# Every fuzz harness is also a normal test that replays its corpus.
function(oddverb_fuzz_replays)
  file(GLOB sources CONFIGURE_DEPENDS
       "${PROJECT_SOURCE_DIR}/tests/fuzz/*_fuzz.cc")
  foreach(source IN LISTS sources)
    cmake_path(GET source STEM target)
    string(REGEX REPLACE "_fuzz$" "" name "${target}")
    oddverb_test_program(
      ${target} tests "${source}"
      "${PROJECT_SOURCE_DIR}/tests/support/fuzz_replay_main.cc")
    add_test(NAME fuzz.${name}
             COMMAND ${target} "${PROJECT_SOURCE_DIR}/tests/fuzz/corpus/${name}")
    set_tests_properties(
      fuzz.${name} PROPERTIES LABELS unit
                              TIMEOUT ${ODDVERB_TEST_TIMEOUT_SECONDS})
  endforeach()
endfunction()

# The scripts' own tests; each gets the source root as its argument.
function(oddverb_script_tests)
  file(GLOB scripts CONFIGURE_DEPENDS
       "${PROJECT_SOURCE_DIR}/tests/tools/*_test.sh")
  foreach(script IN LISTS scripts)
    cmake_path(GET script STEM name)
    add_test(NAME tools.${name} COMMAND "${script}" "${PROJECT_SOURCE_DIR}")
    set_tests_properties(tools.${name} PROPERTIES LABELS unit TIMEOUT 300)
  endforeach()
  file(GLOB scripts CONFIGURE_DEPENDS
       "${PROJECT_SOURCE_DIR}/tests/cmake/*_test.cmake")
  foreach(script IN LISTS scripts)
    cmake_path(GET script STEM name)
    add_test(NAME cmake.${name}
             COMMAND "${CMAKE_COMMAND}" -DSOURCE_DIR=${PROJECT_SOURCE_DIR} -P
                     "${script}")
    set_tests_properties(cmake.${name} PROPERTIES LABELS unit TIMEOUT 60)
  endforeach()
endfunction()

function(oddverb_tests)
  include(GoogleTest)
  oddverb_test_support()
  oddverb_test_headers()
  oddverb_broken_service()
  oddverb_gtest_programs()
  if(NOT ODDVERB_SANITIZE STREQUAL "thread") # one thread each
    oddverb_fuzz_replays()
  endif()
  oddverb_script_tests()
endfunction()

# Preset fuzz: each harness with libFuzzer's main, and nothing else.
function(oddverb_fuzz_programs)
  if(NOT CMAKE_CXX_COMPILER_ID MATCHES "Clang")
    message(FATAL_ERROR "libFuzzer needs clang: cmake --preset fuzz")
  endif()
  oddverb_test_support()
  file(GLOB sources CONFIGURE_DEPENDS
       "${PROJECT_SOURCE_DIR}/tests/fuzz/*_fuzz.cc")
  foreach(source IN LISTS sources)
    cmake_path(GET source STEM target)
    oddverb_test_program(${target} fuzz "${source}")
    target_link_options(${target} PRIVATE -fsanitize=fuzzer)
  endforeach()
endfunction()
