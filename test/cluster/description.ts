/** In the cluster's folder: its description. */
export const DESCRIPTION_FILE = 'cluster.json';

/** A running cluster, as its keeper tells it and as the file of MAILHOLD_TEST_CLUSTER holds it, in JSON. */
export interface ClusterDescription {
  /** Everything that the cluster writes is in it; it goes when the cluster ends. */
  folder: string;
  /** Of the API server; the same inside the node's network and outside. */
  url: string;
  /** Path of a kubeconfig of a user who may do everything. */
  kubeconfig: string;
  /** Paths of programs of the cluster's version. */
  programs: { kubectl: string; helm: string };
  node?: NodeDescription;
}

/** The node, where the cluster has one. */
export interface NodeDescription {
  name: string;
  /** Of the node in its own network, which has no way out. */
  address: string;
  /** A process in the node's namespaces (network, mounts, processes): whom nsenter enters. */
  pid: number;
  /** Of its containerd. */
  containerd: string;
  /** Holds one folder for each PersistentVolume. */
  volumes: string;
  /** Holds files of /etc/hosts form, which the name server at NAME_SERVER follows. */
  hosts: string;
}
