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
get_property(oddverb_folders GLOBAL PROPERTY oddverb_folders)
oddverb_compile_together(
  oddverb_detection_lab HEADERS ${oddverb_folders} bench/detection
  SOURCES ${oddverb_detection_sources})
