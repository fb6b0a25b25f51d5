output "stack" {
  description = "The outputs of the installation, as template.yaml has them"
  value       = module.livelist
}
