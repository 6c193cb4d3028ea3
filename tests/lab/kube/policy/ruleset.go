package main

import "text/template"

// layout is what nft reads.
//   - The table is replaced as a whole, in one transaction. Deleting needs it to be there.
//   - Only answers pass unseen: the packets of an open connection meet the policies of now, not those of the time when it was opened.
//   - While pods that are to be isolated have no address yet, no address may be used that is not known. ptp names the node's ends of its pods' links veth….
var layout = template.Must(template.New("ruleset").Parse(`add table inet kube-policy
delete table inet kube-policy
table inet kube-policy {
{{- range $name, $addresses := .Sets}}
	set {{$name}} {
		type ipv4_addr
		{{- if $addresses}}
		elements = { {{$addresses}} }
		{{- end}}
	}
{{- end}}
{{- range .Directions}}
{{- range .Chains}}
	chain {{.Name}} {
		comment "{{.Comment}}"
		{{- range .Rules}}
		{{.}}
		{{- end}}
		counter drop
	}
{{- end}}
	map {{.Name}} {
		type ipv4_addr : verdict
		{{- if .Chains}}
		elements = { {{range $i, $chain := .Chains}}{{if $i}}, {{end}}{{.Address}} : jump {{.Name}}{{end}} }
		{{- end}}
	}
{{- end}}
	chain forward {
		type filter hook forward priority filter; policy accept;
		ct state related accept
		ct state established ct direction reply accept
		{{- range .Directions}}
		{{- if .Known}}
		{{.Link}} "veth*" {{.Pod}} != @{{.Known}} counter drop
		{{- end}}
		{{.Pod}} vmap @{{.Name}}
		{{- end}}
	}
}
`))
