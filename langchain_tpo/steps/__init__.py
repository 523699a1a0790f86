"""The five steps of Algorithm 1, one file each; none knows another."""
