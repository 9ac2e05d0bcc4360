# An image with only the command, for debug containers. The context is an unpacked tarball of
# `make dist`. docs/operations.md shows how to use it.
FROM scratch
COPY bin/kubepeers /usr/local/bin/kubepeers
COPY share/doc/kubepeers /usr/local/share/doc/kubepeers
ENV PATH=/usr/local/bin
ENTRYPOINT ["kubepeers"]
