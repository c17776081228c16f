using Skipwise.Storage;

namespace Skipwise.Tokenizers.Formats;

/// <summary>
/// Reads the Hugging Face "fast tokenizer" file tokenizer.json: byte-level BPE (Llama 3, Qwen2, GPT-NeoX, GPT-J, GPT-2) and
/// SentencePiece-like BPE with byte fallback (Llama, Mistral). Any unknown component is an error, because a slightly wrong tokenizer would
/// silently spoil a training run.
/// </summary>
internal static class TokenizerJson
{
    public static BpeTokenizer Load(string path, TokenizerSettings settings) => Load(LocatedJson.Read(path), settings);

    /// <summary>Loads a tokenizer from the texts of its files (<see cref="TokenizerFiles"/>).</summary>
    /// <param name="place">for error messages</param>
    public static BpeTokenizer Load(string place, IReadOnlyList<(string Name, string Text)> files)
    {
        var parsed = files.ToDictionary(file => file.Name, file => LocatedJson.Parse(place, file.Text));
        var settings = new TokenizerSettings(name => parsed.TryGetValue(name, out LocatedJson file) ? file : null);
        return Load(parsed[TokenizerFiles.Main], settings);
    }

    private static BpeTokenizer Load(LocatedJson file, TokenizerSettings settings)
    {
        var model = file.Get("model");
        if (model.Find("type") is { } type && type.Text != "BPE")
        {
            throw type.Error($"is \"{type.Text}\"; Skipwise reads models of type BPE");
        }
        RefuseUnlessEmpty(model, "continuing_subword_prefix");
        RefuseUnlessEmpty(model, "end_of_word_suffix");
        if (model.Find("dropout") is { } dropout && !(dropout.IsNumber && dropout.Raw.Trim('0', '.').Length == 0))
        {
            throw dropout.Error($"is {dropout.Raw}: merges would be left out at random; set it to null");
        }
        var vocabulary = ReadVocabulary(model.Get("vocab"));
        var normalizer = Normalizers.Read(file.Find("normalizer"));
        var added = new AddedTokenList(vocabulary);
        foreach (var token in file.Find("added_tokens")?.Items() ?? [])
        {
            added.Add(token, AddedToken.Read(token, VocabularyChecks.CheckedId(token, token.Get("id").Number), normalizer));
        }
        added.Complete(settings);

        string? unknown = model.Find("unk_token")?.Text;
        if (unknown is not null && !vocabulary.ContainsKey(unknown))
        {
            throw model.Error($"names the unknown token \"{unknown}\", which the vocabulary lacks");
        }
        var encoding = new BytePairEncoder(
            vocabulary,
            Merges(model.Get("merges"), vocabulary),
            model.Flag("byte_fallback", false) ? VocabularyChecks.ByteIds(vocabulary) : null,
            unknown is null ? null : vocabulary[unknown])
        {
            FuseUnknown = model.Flag("fuse_unk", false),
            WholePieces = model.Flag("ignore_merges", false) ? vocabulary : null,
        };
        var (start, end) = PostProcessors.Ends(file.Find("post_processor"), IdOf);
        if (end is { } last && !settings.NoEos)
        {
            throw last.Error(
                $"puts \"{last.Get("id").Text}\" behind a text, and Skipwise puts no end token behind a text by itself; " +
                "say \"add_eos_token\": false in tokenizer_config.json if texts may go without");
        }
        int? bos = settings.Find("bos", IdOf, start);
        return new BpeTokenizer(
            vocabulary,
            added.Tokens,
            normalizer,
            PreTokenizers.Read(PrefixSpace.Agreed(file, settings), settings.AddsPrefixSpace),
            encoding,
            PieceDecoder.Read(file.Find("decoder")),
            settings.Special(
                bos, settings.Find("eos", IdOf, null), settings.AddsBos ?? (start is not null && start == bos), IdOf, encoding.UnknownId),
            Describe(file, settings, encoding.HasByteFallback));

        int? IdOf(string text) => added.IdOf(text);
    }

    private static TokenizerModel Describe(LocatedJson file, TokenizerSettings settings, bool hasByteFallback)
    {
        List<LocatedJson> words = PrefixSpace.Steps(file.Find("pre_tokenizer"), "pretokenizers");
        List<LocatedJson> rewrites = PrefixSpace.Steps(file.Find("normalizer"), "normalizers");
        if (rewrites.Exists(step => NameOf(step) == "Replace"))
        {
            words.RemoveAll(IsSplitAtSpaces); // Gemma's has no effect: when it comes, there are no spaces any more
        }
        bool escapes = words.Exists(step => step.Get("type").Text == "Metaspace")
            || rewrites.Exists(step => step.Get("type").Text == "Replace" && step.Get("content").Text == Normalizers.Metaspace);
        return new TokenizerModel
        {
            Kind = words.Exists(step => step.Get("type").Text == "ByteLevel") ? TokenizerKind.ByteLevelBpe
                : escapes || hasByteFallback ? TokenizerKind.SentencePieceBpe : TokenizerKind.Bpe,
            PreTokenizer = PreTokenizers.RuleOf(words),
            Normalizers = [.. rewrites.Select(NameOf)],
            AddsPrefixSpace = PrefixSpace.IsAdded(file, settings),
            EscapesWhitespace = escapes,
        };
    }

    private static bool IsSplitAtSpaces(LocatedJson step) =>
        step.Get("type").Text == "Split" && !step.Flag("invert", false) && step.Get("pattern").Find("String")?.Text == " ";

    private static string NameOf(LocatedJson normalizer)
    {
        string type = normalizer.Get("type").Text;
        if (type == "Prepend")
        {
            string text = normalizer.Get("prepend").Text;
            return text == Normalizers.Metaspace ? type : $"{type} \"{text}\"";
        }
        if (type == "Replace")
        {
            LocatedJson pattern = normalizer.Get("pattern");
            string? text = pattern.Find("String")?.Text;
            string content = normalizer.Get("content").Text;
            return text == " " && content == Normalizers.Metaspace ? type
                : $"{type} {(text is null ? "a pattern" : $"\"{text}\"")} by \"{content}\"";
        }
        return type;
    }

    private static Dictionary<string, int> ReadVocabulary(LocatedJson place)
    {
        var vocabulary = new Dictionary<string, int>(StringComparer.Ordinal);
        var pieces = new Dictionary<int, string>();
        foreach (var (piece, id) in place.Members())
        {
            vocabulary[piece] = VocabularyChecks.CheckedId(id, id.Number);
            if (!pieces.TryAdd(id.Number, piece) && pieces[id.Number] != piece)
            {
                throw id.Error($"is the token id {id.Number}, and so is that of \"{pieces[id.Number]}\"; a piece needs an id of its own");
            }
        }
        return vocabulary;
    }

    /// <summary>Merges in order of rank, each "left right" or ["left", "right"].</summary>
    private static IEnumerable<(string, string, int)> Merges(LocatedJson merges, Dictionary<string, int> vocabulary)
    {
        int rank = 0;
        foreach (var merge in merges.Items())
        {
            string[] pair = merge.IsArray ? [.. merge.Items().Select(p => p.Text)] : merge.Text.Split(' ');
            if (pair is not [var left, var right])
            {
                throw merge.Error("is not a pair of pieces");
            }
            foreach (string piece in (string[])[left, right, left + right])
            {
                if (!vocabulary.ContainsKey(piece))
                {
                    throw merge.Error($"merges \"{left}\" and \"{right}\", but the vocabulary lacks \"{piece}\"");
                }
            }
            yield return (left, right, rank++);
        }
    }

    private static void RefuseUnlessEmpty(LocatedJson model, string name)
    {
        if (model.Find(name) is { } value && value.Text.Length > 0)
        {
            throw value.Error($"is \"{value.Text}\"; Skipwise reads BPE without {name}");
        }
    }
}
