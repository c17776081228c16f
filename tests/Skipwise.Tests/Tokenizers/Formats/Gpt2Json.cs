using System.Text.Json;
using Skipwise.Tokenizers;

namespace Skipwise.Tests.Tokenizers.Formats;

/// <summary>GPT-2's tokenizer.json, or its vocab.json and merges.txt, made from a list of "base64-of-bytes rank" lines (the tiktoken
/// format).</summary>
internal static class Gpt2Json
{
    public static string FromRanks(IEnumerable<string> lines)
    {
        var (ranks, merges) = Read(lines);
        return JsonSerializer.Serialize(new
        {
            version = "1.0",
            added_tokens = new[] { TinyBpe.Added(ranks.Count, "<|endoftext|>") },
            pre_tokenizer = new { type = "ByteLevel", add_prefix_space = false, trim_offsets = true, use_regex = true },
            decoder = new { type = "ByteLevel", add_prefix_space = false, trim_offsets = true, use_regex = true },
            model = new { type = "BPE", vocab = ranks, merges },
        });
    }

    /// <summary>The older pair of files; &lt;|endoftext|&gt; is an entry of the vocabulary like any other.</summary>
    public static (string Vocabulary, string Merges) Pair(IEnumerable<string> lines)
    {
        var (ranks, merges) = Read(lines);
        ranks["<|endoftext|>"] = ranks.Count;
        return (JsonSerializer.Serialize(ranks), "#version: 0.2\n" + string.Join('\n', merges) + "\n");
    }

    private static (Dictionary<string, int> Ranks, List<string> Merges) Read(IEnumerable<string> lines)
    {
        var ranks = lines.Where(l => l.Length > 0).Select(l => l.Split(' ')).ToDictionary(
            l => string.Concat(Convert.FromBase64String(l[0]).Select(ByteAlphabet.ToCharacter)), l => int.Parse(l[1]));
        return (ranks, ranks.Where(r => r.Key.Length > 1).OrderBy(r => r.Value).Select(r => Halves(r.Key, r.Value, ranks)).ToList());
    }

    /// <summary>The last merge that makes the piece: merge its characters by all earlier ranks until two parts are left.</summary>
    private static string Halves(string piece, int rank, Dictionary<string, int> ranks)
    {
        List<string> parts = [.. piece.Select(c => c.ToString())];
        while (parts.Count > 2)
        {
            int best = Enumerable.Range(0, parts.Count - 1)
                .MinBy(i => ranks.TryGetValue(parts[i] + parts[i + 1], out int r) && r < rank ? r : int.MaxValue);
            parts[best] += parts[best + 1];
            parts.RemoveAt(best + 1);
        }
        return $"{parts[0]} {parts[1]}";
    }
}
