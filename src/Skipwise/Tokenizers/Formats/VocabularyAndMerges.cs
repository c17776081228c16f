using Skipwise.Storage;

namespace Skipwise.Tokenizers.Formats;

/// <summary>
/// Reads the older pair of files vocab.json and merges.txt (GPT-2, GPT-J, Qwen2). They lack the pre-tokenizer pattern, which follows from
/// the tokenizer's class or the model's type. An unknown class is an error.
/// </summary>
internal static class VocabularyAndMerges
{
    public const string VocabularyName = "vocab.json";
    public const string MergesName = "merges.txt";
    private const string EndOfText = "<|endoftext|>";

    private static readonly Dictionary<string, PreTokenizerPattern> s_rules = new()
    {
        ["GPT2Tokenizer"] = PreTokenizerPattern.Gpt2,
        ["GPT2TokenizerFast"] = PreTokenizerPattern.Gpt2,
        ["CodeGenTokenizer"] = PreTokenizerPattern.Gpt2,
        ["CodeGenTokenizerFast"] = PreTokenizerPattern.Gpt2,
        ["GPTNeoXTokenizer"] = PreTokenizerPattern.Gpt2,
        ["GPTNeoXTokenizerFast"] = PreTokenizerPattern.Gpt2,
        ["Qwen2Tokenizer"] = PreTokenizerPattern.Qwen2,
        ["Qwen2TokenizerFast"] = PreTokenizerPattern.Qwen2,
        ["gpt2"] = PreTokenizerPattern.Gpt2,
        ["gptj"] = PreTokenizerPattern.Gpt2,
        ["gpt_neo"] = PreTokenizerPattern.Gpt2,
        ["gpt_neox"] = PreTokenizerPattern.Gpt2,
        ["qwen2"] = PreTokenizerPattern.Qwen2,
        ["qwen3"] = PreTokenizerPattern.Qwen2,
    };

    public static bool IsIn(string folder) =>
        File.Exists(Path.Combine(folder, VocabularyName)) && File.Exists(Path.Combine(folder, MergesName));

    public static BpeTokenizer Load(string folder, TokenizerSettings settings)
    {
        var rule = Rule(settings);
        var vocabulary = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var (piece, id) in LocatedJson.Read(Path.Combine(folder, VocabularyName)).Members())
        {
            vocabulary[piece] = VocabularyChecks.CheckedId(id, id.Number);
        }
        var added = new List<AddedToken>(settings.AddedTokens);
        foreach (string text in settings.SpecialTexts.Append(EndOfText).Distinct())
        {
            if (vocabulary.TryGetValue(text, out int id) && added.All(known => known.Id != id))
            {
                added.Add(new AddedToken(id, text, Special: true)); // the end-of-text token is an ordinary entry of these vocabularies
            }
        }
        int? end = IdOf(EndOfText);
        SpecialTokens special = settings.Special(
            settings.Find("bos", IdOf, end), settings.Find("eos", IdOf, end), settings.AddsBos ?? false, IdOf);
        return ByteLevelBpe.Create(
            vocabulary, Merges(Path.Combine(folder, MergesName), vocabulary), rule, added, special,
            addPrefixSpace: settings.AddsPrefixSpace ?? false,
            nfc: rule == PreTokenizerPattern.Qwen2);

        int? IdOf(string text) => added.Find(t => t.Content == text)?.Id ?? (vocabulary.TryGetValue(text, out int id) ? id : null);
    }

    private static PreTokenizerPattern Rule(TokenizerSettings settings) =>
        settings.Kind is not { } kind ? PreTokenizerPattern.Gpt2 // GPT-2 introduced these files
        : s_rules.TryGetValue(kind.Text, out var rule) ? rule
        : throw kind.Error(
            $"is \"{kind.Text}\", and how it cuts words is not written in {VocabularyName} and {MergesName}; save the model's fast " +
            $"tokenizer as tokenizer.json");

    /// <summary>Reads one pair per line, in order of rank, after an optional "#version: ..." line.</summary>
    private static IEnumerable<(string, string, int)> Merges(string path, Dictionary<string, int> vocabulary)
    {
        string[] lines = TextLines.Read(path);
        for (int i = 0; i < lines.Length; i++)
        {
            if (lines[i].Length == 0 || (i == 0 && lines[i].StartsWith("#version", StringComparison.Ordinal)))
            {
                continue;
            }
            if (lines[i].Split(' ') is not [{ Length: > 0 } left, { Length: > 0 } right])
            {
                throw new SkipwiseException($"{path}: line {i + 1} (\"{lines[i]}\") is not a pair of pieces with one space between them");
            }
            foreach (string piece in (string[])[left, right, left + right])
            {
                if (!vocabulary.ContainsKey(piece))
                {
                    throw new SkipwiseException(
                        $"{path}: line {i + 1} merges \"{left}\" and \"{right}\", but {VocabularyName} lacks \"{piece}\"");
                }
            }
            yield return (left, right, i);
        }
    }
}
