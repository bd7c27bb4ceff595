// Checks a log with what others wrote: golang.org/x/mod, with which Go checks its own modules.
//
// check DIRECTORY VERIFIER-KEY [STEP]
//
// The directory has what a log serves: tile/…, and besides checkpoints/* (signed notes) and
// proofs/* (tlog-proofs, any number). It reads every hash from the tiles under each checkpoint,
// proves every entry (or each STEP-th) and every two checkpoints, and checks our proofs. It prints how many of each
// there were, or ends with the first fault.
package main

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const height = 8
const width = 1 << height

func must(err error, what string) {
	if err != nil {
		fmt.Printf("%s: %v\n", what, err)
		os.Exit(1)
	}
}

// tilesOf reads tiles from a directory as C2SP names them, which leaves out the height.
type tilesOf string

func (tilesOf) Height() int                         { return height }
func (tilesOf) SaveTiles(_ []tlog.Tile, _ [][]byte) {}

func (directory tilesOf) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	all := make([][]byte, len(tiles))
	for i, tile := range tiles {
		path := strings.Replace(tile.Path(), "tile/8/", "tile/", 1)
		path = strings.Replace(path, "tile/data/", "tile/entries/", 1)
		data, err := os.ReadFile(filepath.Join(string(directory), path))
		if err != nil && tile.W < width { // a full tile may have taken its place
			full := path[:strings.LastIndex(path, ".p/")]
			data, err = os.ReadFile(filepath.Join(string(directory), full))
		}
		if err != nil {
			return nil, err
		}
		if tile.L >= 0 {
			if len(data) < tile.W*tlog.HashSize {
				return nil, fmt.Errorf("%s is too short", path)
			}
			data = data[:tile.W*tlog.HashSize]
		}
		all[i] = data
	}
	return all, nil
}

// entries reads the first n entries from their bundles.
func (directory tilesOf) entries(n int64) (found [][]byte) {
	for at := int64(0); at < n; at += width {
		tile := tlog.Tile{H: height, L: -1, N: at / width, W: width}
		if n-at < width {
			tile.W = int(n - at)
		}
		data, err := directory.ReadTiles([]tlog.Tile{tile})
		must(err, "entries")
		for bundle := data[0]; len(bundle) > 0 && int64(len(found)) < n; {
			end := 2 + int(binary.BigEndian.Uint16(bundle))
			found = append(found, bundle[2:end])
			bundle = bundle[end:]
		}
	}
	return found
}

// read opens a checkpoint.
func read(text []byte, key note.Verifier) tlog.Tree {
	opened, err := note.Open(text, note.VerifierList(key))
	must(err, "checkpoint")
	lines := strings.Split(opened.Text, "\n")
	if lines[0] != key.Name() {
		must(fmt.Errorf("%q", lines[0]), "origin")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	must(err, "size")
	root, err := tlog.ParseHash(lines[2])
	must(err, "root")
	return tlog.Tree{N: size, Hash: root}
}

// hashes reads all hashes of a tree at once: the reader checks them against its root.
func hashes(tree tlog.Tree, tiles tilesOf) tlog.HashReader {
	indexes := make([]int64, tlog.StoredHashCount(tree.N))
	for i := range indexes {
		indexes[i] = int64(i)
	}
	all, err := tlog.TileHashReader(tree, tiles).ReadHashes(indexes)
	must(err, fmt.Sprintf("tiles of %d", tree.N))
	return tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		some := make([]tlog.Hash, len(indexes))
		for i, index := range indexes {
			some[i] = all[index]
		}
		return some, nil
	})
}

// checkProof checks a tlog-proof of ours.
func checkProof(text string, key note.Verifier, entries [][]byte) {
	head, checkpoint, _ := strings.Cut(text, "\n\n")
	lines := strings.Split(head, "\n")
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[1], "index "), 10, 64)
	must(err, "index")
	var proof tlog.RecordProof
	for _, line := range lines[2:] {
		hash, err := tlog.ParseHash(line)
		must(err, "hash of a proof")
		proof = append(proof, hash)
	}
	tree := read([]byte(checkpoint), key)
	must(tlog.CheckRecord(proof, tree.N, tree.Hash, index, tlog.RecordHash(entries[index])), "our proof")
}

func files(directory, kind string) (found []string) {
	names, err := filepath.Glob(filepath.Join(directory, kind, "*"))
	must(err, kind)
	for _, name := range names {
		text, err := os.ReadFile(name)
		must(err, name)
		found = append(found, string(text))
	}
	return found
}

func main() {
	directory := tilesOf(os.Args[1])
	key, err := note.NewVerifier(os.Args[2])
	must(err, "verifier key")
	step := int64(1)
	if len(os.Args) > 3 {
		step, err = strconv.ParseInt(os.Args[3], 10, 64)
		must(err, "step")
	}
	var trees []tlog.Tree
	for _, text := range files(os.Args[1], "checkpoints") {
		trees = append(trees, read([]byte(text), key))
	}
	sort.Slice(trees, func(i, j int) bool { return trees[i].N < trees[j].N })
	last := trees[len(trees)-1]
	entries := directory.entries(last.N)
	records, pairs := 0, 0
	for newer, tree := range trees {
		reader := hashes(tree, directory)
		for i := int64(0); i < tree.N; i += step {
			proof, err := tlog.ProveRecord(tree.N, i, reader)
			must(err, "ProveRecord")
			hash := tlog.RecordHash(entries[i])
			must(tlog.CheckRecord(proof, tree.N, tree.Hash, i, hash), fmt.Sprintf("entry %d of %d", i, tree.N))
			records++
		}
		for _, old := range trees[:newer+1] {
			proof, err := tlog.ProveTree(tree.N, old.N, reader)
			must(err, "ProveTree")
			must(tlog.CheckTree(proof, tree.N, tree.Hash, old.N, old.Hash), fmt.Sprintf("%d in %d", old.N, tree.N))
			pairs++
		}
	}
	proofs := files(os.Args[1], "proofs")
	for _, text := range proofs {
		checkProof(text, key, entries)
	}
	fmt.Printf("%d entries, %d records, %d pairs, %d proofs\n", last.N, records, pairs, len(proofs))
}
