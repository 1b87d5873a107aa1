#!/bin/sh
# node-namespaces.sh NODE_ADDRESS TEST_HOSTS: the first process of a node, in namespaces of its own (node-namespaces.ts).
# It makes them ready, says "ready", and holds them. When it ends, the kernel ends all that lives in them.
set -eu
node=$1 hosts=$2

# What containerd and the kubelet mount shall be seen by each other, and not outside.
mount --make-rprivate /
mount --make-rshared /
# Paths that containerd, the kubelet and CNI plugins have fixed: theirs must not be this machine's.
for folder in /run /var/lib /var/log; do mount -t tmpfs tmpfs "$folder"; done

ip link set lo up
# A route for every address, or a Service's address would be unreachable before it is translated; it leads nowhere.
ip link add node0 type bridge
ip address add "$node/24" dev node0
ip link set node0 up
ip route add default dev node0
ip route add local "$hosts" dev lo
echo 1 >/proc/sys/net/ipv4/ip_forward

echo ready
# Orphans become children of this process: with the signal ignored, the kernel does not wait for it to ask about them.
trap '' CHLD
exec sleep infinity
