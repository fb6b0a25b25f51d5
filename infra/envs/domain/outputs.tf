output "domain" {
  description = "The outputs of the address, as infra/domain/template.yaml has them"
  value       = module.domain
}
