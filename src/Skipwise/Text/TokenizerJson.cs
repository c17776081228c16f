namespace Skipwise.Text;

/// <summary>
/// Reads the Hugging Face "fast tokenizer" file tokenizer.json: byte-level BPE (Llama 3, Qwen2, GPT-NeoX, GPT-J, GPT-2) and
/// SentencePiece-like BPE with byte fallback (Llama, Mistral). Any component that is not understood is an error: a tokenizer
/// that is only nearly right would spoil a training run silently.
/// </summary>
internal static class TokenizerJson
{
    public static BpeTokenizer Load(string path, TokenizerSettings settings)
    {
        var file = JsonPlace.Read(path);
        var model = file.Get("model");
        if (model.Find("type") is { } type && type.Text != "BPE")
        {
            throw type.Error($"is \"{type.Text}\"; Skipwise reads models of type BPE");
        }
        RefuseUnlessEmpty(model, "continuing_subword_prefix");
        RefuseUnlessEmpty(model, "end_of_word_suffix");
        var vocabulary = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var (piece, id) in model.Get("vocab").Members())
        {
            vocabulary[piece] = Vocabulary.CheckedId(id, id.Number);
        }
        var normalizer = Normalizers.Read(file.Find("normalizer"));
        var added = new List<AddedToken>();
        foreach (var token in file.Find("added_tokens")?.Items() ?? [])
        {
            added.Add(AddedToken.Read(token, Vocabulary.CheckedId(token, token.Get("id").Number), normalizer));
        }
        added.AddRange(settings.AddedTokens.Where(t => added.All(known => known.Id != t.Id)));

        string? unknown = model.Find("unk_token")?.Text;
        if (unknown is not null && IdOf(unknown) is null)
        {
            throw model.Error($"names the unknown token \"{unknown}\", which the vocabulary lacks");
        }
        var encoding = new BytePairEncoding(vocabulary, Merges(model.Get("merges"), vocabulary))
        {
            ByteIds = model.Flag("byte_fallback", false) ? Vocabulary.ByteIds(vocabulary) : null,
            UnknownId = unknown is null ? null : IdOf(unknown),
            FuseUnknown = model.Flag("fuse_unk", false),
            WholePieces = model.Flag("ignore_merges", false) ? vocabulary : null,
        };
        string? templateStart = TemplateStart(file.Find("post_processor"));
        int? bos = settings.Find("bos", IdOf, templateStart is null ? null : IdOf(templateStart));
        bool addsBos = settings.AddsBos ?? (templateStart is not null && bos is not null && IdOf(templateStart) == bos);
        return new BpeTokenizer(
            vocabulary,
            added,
            normalizer,
            PreTokenizers.Read(file.Find("pre_tokenizer")),
            encoding,
            PieceDecoder.Read(file.Find("decoder")),
            settings.Special(bos, settings.Find("eos", IdOf, null), addsBos));

        int? IdOf(string text) =>
            added.Find(t => t.Content == text)?.Id ?? (vocabulary.TryGetValue(text, out int id) ? id : null);
    }

    /// <summary>Merges in order of rank, each "left right" or ["left", "right"].</summary>
    private static IEnumerable<(string, string, int)> Merges(JsonPlace merges, Dictionary<string, int> vocabulary)
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

    /// <summary>The special token with which the post-processor starts a single text, or null.</summary>
    private static string? TemplateStart(JsonPlace? place)
    {
        if (place is not { } processor)
        {
            return null;
        }
        return processor.Get("type").Text switch
        {
            "Sequence" => processor.Get("processors").Items().Select(item => TemplateStart(item)).FirstOrDefault(start => start is not null),
            "TemplateProcessing" when processor.Get("single").Items().Take(1).ToArray() is [var first] =>
                first.Find("SpecialToken")?.Get("id").Text,
            _ => null,
        };
    }

    private static void RefuseUnlessEmpty(JsonPlace model, string name)
    {
        if (model.Find(name) is { } value && value.Text.Length > 0)
        {
            throw value.Error($"is \"{value.Text}\"; Skipwise reads BPE without {name}");
        }
    }
}
