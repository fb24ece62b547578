module go-loops

go 1.19
