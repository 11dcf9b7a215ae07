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
