include(CMakePackageConfigHelpers)

install(TARGETS tuban_program RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS libtuban EXPORT tuban_targets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
        INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(DIRECTORY include/tuban DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
install(FILES LICENSE README.md README.zh-CN.md CHANGELOG.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY docs/ DESTINATION ${CMAKE_INSTALL_DOCDIR})

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/tuban)
install(EXPORT tuban_targets NAMESPACE tuban:: FILE tuban-targets.cmake DESTINATION ${package_dir})
configure_package_config_file(cmake/tuban-config.cmake.in tuban-config.cmake
                              INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(tuban-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/tuban-config.cmake
              ${CMAKE_CURRENT_BINARY_DIR}/tuban-config-version.cmake DESTINATION ${package_dir})

configure_file(cmake/tuban.pc.in tuban.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/tuban.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
