using System.Globalization;
using Skipwise.Storage;

namespace Skipwise.Tokenizers.Formats;

/// <summary>
/// Reads tiktoken's text format: a line "base64-of-bytes rank" for every piece, the rank being its id. The file lacks the pre-tokenizer
/// pattern and the special tokens. Both are built in for the two vocabularies of supported models, identified by their number of pieces.
/// </summary>
internal static class TiktokenRanks
{
    private sealed record Known(int Pieces, PreTokenizerPattern Rule, string[] Special, string Bos, string Eos, bool AddsBos);

    private static readonly Known[] s_known =
    [
        new(50256, PreTokenizerPattern.Gpt2, ["<|endoftext|>"], "<|endoftext|>", "<|endoftext|>", AddsBos: false),
        new(128000, PreTokenizerPattern.Llama3,
        [
            "<|begin_of_text|>", "<|end_of_text|>", .. Reserved(0, 4), "<|start_header_id|>", "<|end_header_id|>", .. Reserved(4, 5),
            "<|eot_id|>", .. Reserved(5, 251),
        ], "<|begin_of_text|>", "<|end_of_text|>", AddsBos: true),
    ];

    /// <summary>Whether a file (Meta names it tokenizer.model) begins like this format: base64, a space, 0.</summary>
    public static bool IsIn(string path)
    {
        Span<byte> start = stackalloc byte[16];
        try
        {
            using var file = InputFile.Open(path);
            start = start[..file.ReadAtLeast(start, start.Length, throwOnEndOfStream: false)];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new SkipwiseException($"{path}: cannot be read: {e.Message}", e);
        }
        int space = start.IndexOf((byte)' ');
        return space > 0 && start[space..].StartsWith(" 0\n"u8) && TryBytes(System.Text.Encoding.ASCII.GetString(start[..space]), out _);
    }

    public static BpeTokenizer Load(string path, TokenizerSettings settings)
    {
        var vocabulary = new Dictionary<string, int>(StringComparer.Ordinal);
        string[] lines = TextLines.Read(path);
        for (int i = 0; i < lines.Length; i++)
        {
            if (lines[i].Length == 0)
            {
                continue;
            }
            if (lines[i].Split(' ') is not [var base64, var number] || !TryBytes(base64, out byte[] bytes)
                || !int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out int rank) || rank >= lines.Length)
            {
                throw new SkipwiseException(
                    $"{path}: line {i + 1} (\"{lines[i]}\") is not \"base64 rank\" with ranks from 0 on, one a line");
            }
            vocabulary[string.Concat(bytes.Select(ByteAlphabet.ToCharacter))] = rank;
        }
        var known = Array.Find(s_known, k => k.Pieces == vocabulary.Count)
            ?? throw new SkipwiseException(
                $"{path}: a tiktoken vocabulary of {vocabulary.Count} pieces, whose rule for words is not written in it; known are " +
                $"GPT-2's ({s_known[0].Pieces}) and Llama 3's ({s_known[1].Pieces}). " +
                "Use the model's tokenizer.json");
        AddedToken[] added = [.. known.Special.Select((text, i) => new AddedToken(known.Pieces + i, text, Special: true))];
        SpecialTokens special = settings.Special(
            settings.Find("bos", IdOf, IdOf(known.Bos)), settings.Find("eos", IdOf, IdOf(known.Eos)), settings.AddsBos ?? known.AddsBos,
            IdOf);
        return ByteLevelBpe.Create(
            vocabulary, BytePairEncoder.EveryWay(vocabulary, rank => rank), known.Rule, added, special, wholeWords: true,
            addPrefixSpace: settings.AddsPrefixSpace ?? false);

        int? IdOf(string text) => Array.Find(added, t => t.Content == text)?.Id;
    }

    private static IEnumerable<string> Reserved(int from, int to) =>
        Enumerable.Range(from, to - from).Select(i => $"<|reserved_special_token_{i}|>");

    private static bool TryBytes(string base64, out byte[] bytes)
    {
        byte[] buffer = new byte[(base64.Length * 3 / 4) + 3];
        bool valid = Convert.TryFromBase64String(base64, buffer, out int count) && count > 0;
        bytes = buffer[..count];
        return valid;
    }
}
