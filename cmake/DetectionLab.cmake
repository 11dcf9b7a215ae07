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
if(TARGET oddverb_library_headers)
  target_precompile_headers(oddverb_detection_lab
                            REUSE_FROM oddverb_library_headers)
endif()
if(ODDVERB_JOIN_SOURCES)
  oddverb_join_sources(oddverb_detection_lab HEADERS ${oddverb_folders}
                       bench/detection SOURCES ${oddverb_detection_sources})
endif()
