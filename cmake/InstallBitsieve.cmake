# The CMake package: find_package(bitsieve) gives bitsieve::onnx, bitsieve::compress, ... one target per folder.
include(CMakePackageConfigHelpers)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/bitsieve)
install(EXPORT bitsieveTargets NAMESPACE bitsieve:: DESTINATION ${package_dir})
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/bitsieveConfig.cmake.in ${PROJECT_BINARY_DIR}/bitsieveConfig.cmake
  INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/bitsieveConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/bitsieveConfig.cmake ${PROJECT_BINARY_DIR}/bitsieveConfigVersion.cmake DESTINATION ${package_dir})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/src/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/bitsieve FILES_MATCHING PATTERN "*.h"
  PATTERN "cli" EXCLUDE PATTERN "rtl_link" EXCLUDE PATTERN "testdata" EXCLUDE PATTERN "*test*" EXCLUDE)
