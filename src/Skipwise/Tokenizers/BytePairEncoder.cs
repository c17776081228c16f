using System.Buffers;
using System.Collections.Concurrent;
using System.Text;

namespace Skipwise.Tokenizers;

/// <summary>
/// Byte pair encoding (Sennrich et al. 2016), shared by all tokenizers. A piece of text becomes a list of symbols, one per character. Then
/// the adjacent pair of the lowest rank, the leftmost of equals, is merged into one symbol, repeatedly. A character that the vocabulary
/// lacks becomes its UTF-8 bytes if the vocabulary has all of them, else the unknown token if there is one, else nothing.
/// </summary>
/// <remarks>
/// Microsoft.ML.Tokenizers 2.0.1 is not used, because it breaks ties between equal ranks in arbitrary order (Llama's "!!!!!!" gets other
/// ids), is slow on long texts, and does not read tokenizer.json.
/// </remarks>
internal sealed class BytePairEncoder
{
    private const int LongestCached = 48;
    private const int MostCached = 1 << 16;

    private readonly Dictionary<int, int> _symbols = []; // character -> id
    private readonly Dictionary<long, Merge> _merges = []; // two ids -> the merged id
    private readonly HashSet<long> _neighbours = []; // pairs of characters that are adjacent in some merged symbol
    private readonly ConcurrentDictionary<string, int[]> _cache = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, int[]>.AlternateLookup<ReadOnlySpan<char>> _cached;
    private readonly int[]? _byteIds;
    private readonly int? _unknownId;
    private readonly bool _cuts; // no merge contains a token of an unknown character
    private readonly bool _cutsAtUnknown; // unknown characters become bytes; otherwise one may vanish between two that merge
    private int _cachedCount;

    private readonly record struct Merge(int Rank, int Id);
    private record struct Symbol(int Id, int Previous, int Next);
    private readonly record struct Candidate(int Left, int LeftId, int RightId, int MergedId);

    /// <summary>Prepares the tables.</summary>
    /// <param name="vocabulary">all pieces with their ids</param>
    /// <param name="merges">pairs of pieces; the lowest rank is merged first. A repeated pair has its last rank</param>
    /// <param name="byteIds">ids of the 256 byte tokens, -1 for missing ones; null: unknown characters do not become bytes</param>
    /// <param name="unknownId">id of other unknown characters; null: they are dropped</param>
    public BytePairEncoder(
        IReadOnlyDictionary<string, int> vocabulary,
        IEnumerable<(string Left, string Right, int Rank)> merges,
        int[]? byteIds = null,
        int? unknownId = null)
    {
        (_byteIds, _unknownId) = (byteIds, unknownId);
        _cached = _cache.GetAlternateLookup<ReadOnlySpan<char>>();
        foreach (var (piece, id) in vocabulary)
        {
            if (Rune.DecodeFromUtf16(piece, out var rune, out int length) == OperationStatus.Done && length == piece.Length)
            {
                _symbols[rune.Value] = id;
            }
        }
        HashSet<int> standing = [.. byteIds ?? [], .. unknownId is { } unknown ? [unknown] : (int[])[]];
        _cuts = true;
        foreach (var (left, right, rank) in merges)
        {
            string merged = left + right;
            _merges[Pair(vocabulary[left], vocabulary[right])] = new Merge(rank, vocabulary[merged]);
            _cuts &= !standing.Contains(vocabulary[left]) && !standing.Contains(vocabulary[right]);
            int before = -1;
            foreach (var rune in merged.EnumerateRunes())
            {
                _neighbours.Add(Pair(before, rune.Value));
                before = rune.Value;
            }
        }
        _cutsAtUnknown = byteIds?.Contains(-1) == false;
    }

    /// <summary>The merges of a vocabulary that stores none: every pair of pieces whose concatenation is a piece, with the rank of that
    /// piece.</summary>
    /// <param name="rankOf">id -> rank; equal ranks merge from left to right</param>
    public static IEnumerable<(string Left, string Right, int Rank)> EveryWay(IReadOnlyDictionary<string, int> vocabulary,
        Func<int, int> rankOf)
    {
        HashSet<int> lengths = [.. vocabulary.Keys.Select(piece => piece.Length)]; // few, so that a huge piece is not cut everywhere
        foreach (var (piece, id) in vocabulary)
        {
            for (int cut = 1; cut < piece.Length; cut++)
            {
                if (!lengths.Contains(cut) || !lengths.Contains(piece.Length - cut))
                {
                    continue;
                }
                string left = piece[..cut], right = piece[cut..];
                if (!char.IsLowSurrogate(piece[cut]) && vocabulary.ContainsKey(left) && vocabulary.ContainsKey(right))
                {
                    yield return (left, right, rankOf(id));
                }
            }
        }
    }

    /// <summary>id of unknown characters that do not become bytes; null: they are dropped</summary>
    public int? UnknownId => _unknownId;

    /// <summary>whether unknown characters become bytes</summary>
    public bool HasByteFallback => _byteIds is not null;

    /// <summary>the ids of the pairs that are merged, in order of rank; of equal ranks the lower ids first</summary>
    public IEnumerable<(int Left, int Right)> Merges => _merges.OrderBy(merge => merge.Value.Rank).ThenBy(merge => merge.Key)
        .Select(merge => ((int)(merge.Key >> 32), (int)merge.Key));

    /// <summary>whether consecutive unknown characters become one unknown token</summary>
    public bool FuseUnknown { get; init; }
    /// <summary>the whole vocabulary if its pieces are used without merging (Llama 3's ignore_merges), else null</summary>
    public Dictionary<string, int>? WholePieces { get; init; }

    /// <summary>Appends the ids of one piece of text.</summary>
    public void Encode(ReadOnlySpan<char> text, List<int> ids)
    {
        if (WholePieces is not null && WholePieces.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(text, out int whole))
        {
            ids.Add(whole);
            return;
        }
        if (text.Length <= LongestCached && _cached.TryGetValue(text, out int[]? known))
        {
            ids.AddRange(known);
            return;
        }
        int first = ids.Count;
        EncodeSegments(text, ids);
        Cache(text, ids, first);
    }

    /// <summary>No merge can cross two adjacent characters that are not adjacent in any merged symbol. Splitting there changes no id and
    /// gives short segments that the cache can hold.</summary>
    private void EncodeSegments(ReadOnlySpan<char> text, List<int> ids)
    {
        int start = 0, position = 0, before = -1;
        while (position < text.Length)
        {
            Rune.DecodeFromUtf16(text[position..], out var rune, out int length);
            if (position > start && _cuts && !_neighbours.Contains(Pair(before, rune.Value))
                && (_cutsAtUnknown || (IsKnown(before) && IsKnown(rune.Value))))
            {
                Append(text[start..position], ids);
                start = position;
            }
            before = rune.Value;
            position += length;
        }
        if (start < text.Length)
        {
            Append(text[start..], ids);
        }
    }

    private void Append(ReadOnlySpan<char> segment, List<int> ids)
    {
        if (segment.Length <= LongestCached && _cached.TryGetValue(segment, out int[]? known))
        {
            ids.AddRange(known);
            return;
        }
        int first = ids.Count;
        ids.AddRange(MergeAll(segment));
        Cache(segment, ids, first);
    }

    /// <summary>Keeps the ids of a short text, which end the list.</summary>
    private void Cache(ReadOnlySpan<char> text, List<int> ids, int first)
    {
        if (text.Length <= LongestCached && _cachedCount < MostCached && _cached.TryAdd(text, [.. ids[first..]]))
        {
            Interlocked.Increment(ref _cachedCount);
        }
    }

    /// <summary>Merges with a linked list of symbols and a queue of possible merges: O(n log n) for n characters.</summary>
    private int[] MergeAll(ReadOnlySpan<char> segment)
    {
        var symbols = Split(segment);
        var queue = new PriorityQueue<Candidate, long>();
        for (int i = 0; i + 1 < symbols.Length; i++)
        {
            Consider(i);
        }
        while (queue.TryDequeue(out var best, out _))
        {
            ref var left = ref symbols[best.Left];
            if (left.Id != best.LeftId || left.Next < 0 || symbols[left.Next].Id != best.RightId)
            {
                continue; // one of the two has been merged with another neighbour since
            }
            symbols[left.Next].Id = -1;
            left.Id = best.MergedId;
            left.Next = symbols[left.Next].Next;
            if (left.Next >= 0)
            {
                symbols[left.Next].Previous = best.Left;
                Consider(best.Left);
            }
            if (left.Previous >= 0)
            {
                Consider(left.Previous);
            }
        }
        return [.. symbols.Where(s => s.Id >= 0).Select(s => s.Id)];

        void Consider(int at)
        {
            int leftId = symbols[at].Id, rightId = symbols[symbols[at].Next].Id;
            if (_merges.TryGetValue(Pair(leftId, rightId), out var merge))
            {
                queue.Enqueue(new Candidate(at, leftId, rightId, merge.Id), Pair(merge.Rank, at));
            }
        }
    }

    /// <summary>
    /// The symbols before any merge. An unknown token is held back until a known character, or another unknown one that it does not fuse
    /// with; bytes precede it. This follows Hugging Face's library and matters if only some byte tokens exist.
    /// </summary>
    private Symbol[] Split(ReadOnlySpan<char> segment)
    {
        var ids = new List<int>(segment.Length);
        Span<byte> utf8 = stackalloc byte[4];
        bool held = false;
        foreach (var rune in segment.EnumerateRunes())
        {
            var bytes = utf8[..rune.EncodeToUtf8(utf8)];
            if (_symbols.TryGetValue(rune.Value, out int id))
            {
                Release(ref held);
                ids.Add(id);
            }
            else if (HasAll(bytes))
            {
                foreach (byte b in bytes)
                {
                    ids.Add(_byteIds![b]);
                }
            }
            else if (_unknownId is not null)
            {
                if (!FuseUnknown)
                {
                    Release(ref held);
                }
                held = true;
            }
        }
        Release(ref held);
        return [.. ids.Select((id, i) => new Symbol(id, i - 1, i + 1 < ids.Count ? i + 1 : -1))];

        void Release(ref bool held)
        {
            if (held)
            {
                ids.Add(_unknownId!.Value);
                held = false;
            }
        }
    }

    private bool IsKnown(int rune) => _symbols.ContainsKey(rune);

    private bool HasAll(ReadOnlySpan<byte> bytes)
    {
        foreach (byte b in bytes)
        {
            if (_byteIds is null || _byteIds[b] < 0)
            {
                return false;
            }
        }
        return true;
    }

    private static long Pair(int high, int low) => ((long)high << 32) | (uint)low;
}
