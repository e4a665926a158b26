// Go's net/http with the 12 bytes of scripts/bench-web: nethttp PORT
package main

import (
	"net/http"
	"os"
)

func main() {
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { w.Write([]byte("hello world\n")) })
	http.ListenAndServe("127.0.0.1:"+os.Args[1], nil)
}
