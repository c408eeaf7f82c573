// SPDX-License-Identifier: Apache-2.0
// The same service with Go's net/http.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"time"
)

type greeting struct {
	Message string `json:"message"`
}

var hello = []byte("Hello, World!")
var big = bytes.Repeat([]byte("b"), 1<<20)

func send(w http.ResponseWriter, kind string, body []byte) {
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.Write(body)
}

func main() {
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { send(w, "text/plain", hello) })
	mux.HandleFunc("/json", func(w http.ResponseWriter, r *http.Request) {
		body, err := json.Marshal(greeting{"Hello, World!"})
		if err != nil {
			http.Error(w, err.Error(), 500)
			return
		}
		send(w, "application/json", body)
	})
	mux.HandleFunc("/big", func(w http.ResponseWriter, r *http.Request) { send(w, "application/octet-stream", big) })
	mux.HandleFunc("/wait", func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(time.Millisecond)
		send(w, "text/plain", []byte("waited"))
	})
	mux.HandleFunc("/up", func(w http.ResponseWriter, r *http.Request) {
		count, err := io.Copy(io.Discard, r.Body)
		if err != nil {
			http.Error(w, err.Error(), 400)
			return
		}
		send(w, "text/plain", []byte(fmt.Sprint(count)))
	})
	fmt.Fprintln(os.Stderr, http.ListenAndServe("127.0.0.1:"+os.Args[1], mux))
	os.Exit(1)
}
