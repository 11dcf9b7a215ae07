# bench/detection/: generator, attacks, peers' rules and scoring, also used by
# tests/bench/. Its program is detection_bench.
file(GLOB oddverb_detection_sources CONFIGURE_DEPENDS
     "${PROJECT_SOURCE_DIR}/bench/detection/*.cc")
list(FILTER oddverb_detection_sources EXCLUDE REGEX "_bench\\.cc$")
add_library(oddverb_detection_lab STATIC EXCLUDE_FROM_ALL
            ${oddverb_detection_sources})
target_include_directories(oddverb_detection_lab PUBLIC "${PROJECT_SOURCE_DIR}")
target_link_libraries(oddverb_detection_lab PUBLIC oddverb_all
                      PRIVATE oddverb_warnings)

# bench/*_bench.cc: one program each, build/<preset>/bench/<name>_bench. The
# argument of each is the log that it measures on.
file(GLOB oddverb_bench_sources CONFIGURE_DEPENDS
     "${PROJECT_SOURCE_DIR}/bench/*_bench.cc"
     "${PROJECT_SOURCE_DIR}/bench/detection/*_bench.cc")
foreach(source IN LISTS oddverb_bench_sources)
  cmake_path(GET source STEM target)
  add_executable(${target} "${source}")
  set_target_properties(
    ${target} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/bench")
  target_link_libraries(
    ${target} PRIVATE oddverb_all oddverb_warnings simdjson::simdjson
                      SQLite::SQLite3 ZLIB::ZLIB zstd::libzstd_shared)
endforeach()
# It makes its logs itself, so it does not stand among those that want one.
set_target_properties(
  detection_bench PROPERTIES RUNTIME_OUTPUT_DIRECTORY
                             "${PROJECT_BINARY_DIR}/bench/detection")
target_link_libraries(detection_bench PRIVATE oddverb_detection_lab)
