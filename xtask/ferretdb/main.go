// Command ferretdb speaks MongoDB's protocol over SQLite files, for tests on machines without MongoDB.
//
//	ferretdb ADDRESS FOLDER
package main

import (
	"context"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"syscall"

	"github.com/FerretDB/FerretDB/ferretdb"
)

func main() {
	if len(os.Args) != 3 {
		slog.Error("usage: ferretdb ADDRESS FOLDER")
		os.Exit(2)
	}
	// Without this, each request and each failed command of a test is a line.
	slog.SetDefault(slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})))

	address, folder := os.Args[1], os.Args[2]
	// The path of a socket is short: it is named from within its folder.
	if err := os.Chdir(folder); err != nil {
		slog.Error("the folder cannot be had", "error", err)
		os.Exit(1)
	}
	const socket = "ferretdb.sock"
	// One that a killed process left behind.
	_ = os.Remove(socket)
	server, err := ferretdb.New(&ferretdb.Config{
		Listener:  ferretdb.ListenerConfig{Unix: socket},
		Handler:   "sqlite",
		SQLiteURL: "file:./",
	})
	if err != nil {
		slog.Error("FerretDB does not start", "error", err)
		os.Exit(1)
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		slog.Error("the address cannot be had", "error", err)
		os.Exit(1)
	}
	go func() { _ = (&turns{listener: listener, backend: socket}).serve() }()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := server.Run(ctx); err != nil {
		slog.Error("FerretDB stopped", "error", err)
		os.Exit(1)
	}
}
