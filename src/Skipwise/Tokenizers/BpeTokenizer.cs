using System.Text;

namespace Skipwise.Tokenizers;

/// <summary>
/// A byte pair encoding tokenizer, independent of its file format. Encoding has five steps: split at added tokens, normalize the rest,
/// split at added tokens in normalized form, pre-tokenize the rest into pieces, merge every piece into ids.
/// </summary>
internal sealed class BpeTokenizer : ITokenizer
{
    private readonly AddedTokenSplitter _rawTokens;
    private readonly AddedTokenSplitter _normalizedTokens;
    private readonly Normalizer _normalizer;
    private readonly IReadOnlyList<PreTokenizer> _preTokenizers;
    private readonly BytePairEncoder _encoding;
    private readonly Dictionary<int, byte[]> _spelling = []; // id -> its bytes; special tokens have none
    private readonly Dictionary<int, byte[]>? _firstSpelling; // for pieces with other bytes at the beginning of a text
    private readonly HashSet<int> _special;
    private readonly bool _stripsLeadingSpace;
    private readonly string?[] _pieces; // by id, of the vocabulary
    private readonly IReadOnlyCollection<AddedToken> _addedTokens;
    private readonly TokenizerModel _description;

    /// <summary>Assembles the tokenizer.</summary>
    /// <param name="description">what <see cref="ToModel"/> cannot know from the rest: kind, pre-tokenizer, normalizers, flags; scores and
    /// types if the format has them</param>
    public BpeTokenizer(
        IReadOnlyDictionary<string, int> vocabulary,
        IReadOnlyCollection<AddedToken> addedTokens,
        Normalizer normalizer,
        IReadOnlyList<PreTokenizer> preTokenizers,
        BytePairEncoder encoding,
        PieceDecoder decoder,
        SpecialTokens special,
        TokenizerModel description)
    {
        _normalizer = normalizer;
        _preTokenizers = preTokenizers;
        _encoding = encoding;
        _stripsLeadingSpace = decoder.StripsLeadingSpace;
        foreach (var (piece, id) in vocabulary)
        {
            _spelling[id] = decoder.Spell(piece);
        }
        _firstSpelling = decoder.SpellFirst is { } spellFirst ? vocabulary.ToDictionary(p => p.Value, p => spellFirst(p.Key)) : null;
        _special = [.. addedTokens.Where(token => token.Special).Select(token => token.Id)];
        foreach (var token in addedTokens)
        {
            _spelling[token.Id] = token.Special ? [] : Encoding.UTF8.GetBytes(token.Content);
            _firstSpelling?.Remove(token.Id);
        }
        _rawTokens = new AddedTokenSplitter(addedTokens.Where(t => t.NormalizedForm is null).Select(t => (t.Content, t)));
        _normalizedTokens =
            new AddedTokenSplitter(addedTokens.Where(t => t.NormalizedForm is not null).Select(t => (t.NormalizedForm!, t)));
        VocabularySize = _spelling.Keys.DefaultIfEmpty(-1).Max() + 1;
        _pieces = new string?[VocabularySize];
        foreach (var (piece, id) in vocabulary)
        {
            _pieces[id] = piece;
        }
        _addedTokens = addedTokens;
        AddsBos = special.AddsBos && special.BosId is not null;
        _description = description with
        {
            BosId = special.BosId,
            EosId = special.EosId,
            EndIds = special.EndIds,
            PadId = special.PadId,
            UnknownId = special.UnknownId,
            AddsBos = AddsBos,
        };
        BosId = special.BosId;
        EosId = special.EosId;
        EndIds = special.EndIds;
    }

    public int VocabularySize { get; }
    public int? BosId { get; }
    public int? EosId { get; }
    public IReadOnlyList<int> EndIds { get; }
    public bool AddsBos { get; }

    public int[] Encode(string text)
    {
        text = Valid(text);
        var ids = new List<int>((text.Length / 3) + 1);
        foreach (var (token, start, end) in _rawTokens.Split(text))
        {
            if (token is not null)
            {
                ids.Add(token.Id);
                continue;
            }
            string normalized = _normalizer(text[start..end], start == 0);
            foreach (var (normalizedToken, from, to) in _normalizedTokens.Split(normalized))
            {
                if (normalizedToken is not null)
                {
                    ids.Add(normalizedToken.Id);
                    continue;
                }
                foreach (var piece in Pieces(new(normalized.AsMemory()[from..to], start == 0 && from == 0)))
                {
                    _encoding.Encode(piece.Text.Span, ids);
                }
            }
        }
        return [.. ids];
    }

    /// <summary>Decodes ids. Ids without a piece (a model's padding rows) give no text.</summary>
    public string Decode(ReadOnlySpan<int> ids)
    {
        var bytes = new List<byte>(ids.Length * 4);
        bool first = true;
        foreach (int id in ids)
        {
            if (_spelling.TryGetValue(id, out byte[]? spelled))
            {
                bytes.AddRange(first && _firstSpelling?.GetValueOrDefault(id) is { } asFirst ? asFirst : spelled);
                first &= _special.Contains(id);
            }
        }
        int skip = _stripsLeadingSpace && bytes.Count > 0 && bytes[0] == (byte)' ' ? 1 : 0;
        return Encoding.UTF8.GetString([.. bytes], skip, bytes.Count - skip);
    }

    public TokenizerModel ToModel()
    {
        TokenizerPiece[] pieces = [.. _pieces.Select((text, id) =>
            id < _description.Pieces.Count ? _description.Pieces[id]
            : text is null ? new TokenizerPiece("", TokenType.Unused)
            : new TokenizerPiece(text, id == _encoding.UnknownId ? TokenType.Unknown
                : _encoding.HasByteFallback && PieceDecoder.ByteOf(text) is not null ? TokenType.Byte : TokenType.Normal))];
        foreach (AddedToken token in _addedTokens)
        {
            TokenType type = pieces[token.Id].Type == TokenType.Unknown ? TokenType.Unknown
                : token.Special ? TokenType.Control : TokenType.UserDefined;
            pieces[token.Id] = pieces[token.Id] with { Text = token.Content, Type = type };
        }
        return _description with
        {
            Pieces = pieces,
            Merges = _description.HasScores ? [] : [.. _encoding.Merges.Select(pair => (_pieces[pair.Left]!, _pieces[pair.Right]!))],
            IgnoresMerges = _encoding.WholePieces is not null,
            HasByteFallback = _encoding.HasByteFallback,
            AddedTokensDependOnNeighbors = _addedTokens.Any(token => token.LeftStrip || token.SingleWord
                || (token.RightStrip && token.NormalizedForm is not null)), // which is found in the normalized text, and strips there
            RightStripIds = [.. _addedTokens.Where(token => token.RightStrip && token.NormalizedForm is null).Select(token => token.Id)],
        };
    }

    private List<TextPiece> Pieces(TextPiece text)
    {
        List<TextPiece> pieces = [text];
        foreach (var preTokenizer in _preTokenizers)
        {
            var parts = new List<TextPiece>(pieces.Count);
            foreach (var piece in pieces)
            {
                preTokenizer(piece, parts);
            }
            pieces = parts;
        }
        return pieces;
    }

    /// <summary>Replaces lone surrogates by U+FFFD, like every UTF-8 encoder.</summary>
    private static string Valid(string text) =>
        text.AsSpan().IndexOfAnyInRange('\uD800', '\uDFFF') < 0 ? text : Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text));
}
