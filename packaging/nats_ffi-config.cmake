include("${CMAKE_CURRENT_LIST_DIR}/nats_ffi-targets.cmake")
