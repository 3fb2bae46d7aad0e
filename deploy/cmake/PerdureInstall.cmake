# What `cmake --install` puts where: the programs, the protos, and the SDK as the CMake package Perdure with the targets
# Perdure::worker and Perdure::client.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

install(TARGETS perdured perdure RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT server)
install(DIRECTORY proto/perdure/v1 DESTINATION ${CMAKE_INSTALL_DATADIR}/perdure/proto/perdure
        COMPONENT sdk FILES_MATCHING PATTERN "*.proto")
install(DIRECTORY worker-sdk/include/perdure DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT sdk)

set_target_properties(perdure_worker PROPERTIES EXPORT_NAME worker)
set_target_properties(perdure_client PROPERTIES EXPORT_NAME client)
install(TARGETS perdure_proto perdure_grpc perdure_sdk_runtime perdure_sdk_core perdure_worker perdure_client
        EXPORT PerdureTargets
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT sdk
        INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/Perdure)
install(EXPORT PerdureTargets NAMESPACE Perdure:: DESTINATION ${package_dir} COMPONENT sdk)

configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/PerdureConfig.cmake.in
                              ${PROJECT_BINARY_DIR}/PerdureConfig.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/PerdureConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/PerdureConfig.cmake ${PROJECT_BINARY_DIR}/PerdureConfigVersion.cmake
        DESTINATION ${package_dir} COMPONENT sdk)
