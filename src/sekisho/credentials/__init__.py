"""What the cluster issues: CA, serving and client certificates, signing keys, tokens, kubeconfig."""
