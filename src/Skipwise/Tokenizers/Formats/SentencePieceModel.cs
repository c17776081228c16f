using System.Text;
using Skipwise.Storage;

namespace Skipwise.Tokenizers.Formats;

/// <summary>
/// Reads a SentencePiece file tokenizer.model of the BPE kind (Llama, Llama 2, Baichuan; the message is ModelProto of
/// sentencepiece_model.proto). SentencePiece stores no merges: any two adjacent pieces whose concatenation is a piece may merge, the piece
/// of the highest score first. The reader derives an ordinary merge table from this.
/// </summary>
internal sealed class SentencePieceModel
{
    private enum Kind { Normal = 1, Unknown = 2, Control = 3, UserDefined = 4, Unused = 5, Byte = 6 }

    private readonly record struct Piece(string Text, float Score, Kind Kind);

    private readonly List<Piece> _pieces = [];
    private int _modelType = 1; // the format's default: Unigram
    private int _bosId = 1;
    private int _eosId = 2;
    private bool _byteFallback;
    private bool _whitespaceAsSuffix;
    private bool _addDummyPrefix = true;
    private bool _removeExtraWhitespaces = true;
    private bool _escapeWhitespaces = true;
    private bool _hasCharacterMap;
    private bool _hasNormalizer;

    public static BpeTokenizer Load(string path, TokenizerSettings settings) => Parse(InputFile.ReadBytes(path), path, settings);

    /// <summary>Parses a model.</summary>
    /// <param name="file">the ModelProto</param>
    /// <param name="path">for error messages</param>
    public static BpeTokenizer Parse(byte[] file, string path, TokenizerSettings settings)
    {
        try
        {
            return new SentencePieceModel(file).ToTokenizer(settings);
        }
        catch (FormatException e)
        {
            throw new SkipwiseException($"{path}: not a SentencePiece BPE model that Skipwise reads: {e.Message}", e);
        }
    }

    private SentencePieceModel(ReadOnlySpan<byte> file)
    {
        var model = new ProtobufReader(file);
        while (model.Read())
        {
            switch (model.Field)
            {
                case 1:
                    _pieces.Add(ReadPiece(model.Bytes));
                    break;
                case 2:
                    ReadTrainer(model.Bytes);
                    break;
                case 3:
                    ReadNormalizer(model.Bytes);
                    break;
            }
        }
        Require(_pieces.Count > 0, "it holds no pieces");
        Require(_modelType == 2,
            $"its model type is {_modelType} ({NameOf(_modelType)}), and only BPE (2) is read (the type comes after the pieces: a cut " +
            $"file may lack it)");
        Require(_hasNormalizer, "its normalizer is missing; the file may be cut");
        Require(!_hasCharacterMap, "its normalizer rewrites characters; only the identity is read (--normalization_rule_name=identity)");
        Require(!_whitespaceAsSuffix, "it treats white space as a suffix");
        Require(_pieces.All(p => p.Kind != Kind.Unused), "it has pieces of the type UNUSED");
    }

    private BpeTokenizer ToTokenizer(TokenizerSettings settings)
    {
        var vocabulary = new Dictionary<string, int>(StringComparer.Ordinal);
        var added = new List<AddedToken>();
        for (int id = 0; id < _pieces.Count; id++)
        {
            var (text, _, kind) = _pieces[id];
            Require(text.Length > 0 && vocabulary.TryAdd(text, id), $"piece {id} (\"{text}\") is empty or there twice");
            if (kind is Kind.Unknown or Kind.Control or Kind.UserDefined)
            {
                // User-defined pieces are in normalized form and matched after normalization.
                bool userDefined = kind == Kind.UserDefined;
                added.Add(new AddedToken(id, text, Special: !userDefined, NormalizedForm: userDefined ? text : null));
            }
        }
        added.AddRange(settings.AddedTokens.Where(t => added.All(known => known.Id != t.Id)));
        int unknown = _pieces.FindIndex(p => p.Kind == Kind.Unknown);
        int[] byteIds = VocabularyChecks.ByteIds(vocabulary);
        Require(!_byteFallback || !byteIds.Contains(-1), "it has byte fallback, but not all 256 byte pieces");
        var spelled = vocabulary.Where(p => _pieces[p.Value].Kind == Kind.Normal).ToDictionary(StringComparer.Ordinal);
        var encoding = new BytePairEncoder(
            spelled, BytePairEncoder.EveryWay(spelled, RankOf()), _byteFallback ? byteIds : null, unknown < 0 ? null : unknown)
        {
            FuseUnknown = true,
        };
        // In transformers, tokenizer_config.json takes precedence over the model.
        bool dummyPrefix = settings.AddsPrefixSpace ?? _addDummyPrefix;
        int? bos = settings.Find("bos", IdOf, Existing(_bosId));
        return new BpeTokenizer(
            vocabulary,
            added,
            (text, atStart) => Normalize(text, dummyPrefix && (settings.Legacy || atStart)),
            [],
            encoding,
            PieceDecoder.SentencePiece(_byteFallback, dummyPrefix),
            settings.Special(bos, settings.Find("eos", IdOf, Existing(_eosId)), settings.AddsBos ?? true));

        int? IdOf(string text) => added.Find(t => t.Content == text)?.Id ?? (vocabulary.TryGetValue(text, out int id) ? id : null);
        int? Existing(int id) => id >= 0 && id < _pieces.Count ? id : null; // -1 means none
    }

    private string Normalize(string text, bool dummyPrefix)
    {
        if (_removeExtraWhitespaces)
        {
            text = string.Join(' ', text.Split(' ', StringSplitOptions.RemoveEmptyEntries));
        }
        if (text.Length > 0 && dummyPrefix)
        {
            text = ' ' + text;
        }
        return _escapeWhitespaces ? text.Replace(" ", Normalizers.Metaspace, StringComparison.Ordinal) : text;
    }

    /// <summary>The ranks of the pieces by descending score. Equal scores have equal ranks, so that the leftmost pair merges
    /// first.</summary>
    private Func<int, int> RankOf()
    {
        var ranks = _pieces.Select(piece => piece.Score).Distinct().OrderDescending().Select((score, rank) => (score, rank))
            .ToDictionary(x => x.score, x => x.rank);
        return id => ranks[_pieces[id].Score];
    }

    private static string NameOf(int modelType) => modelType switch { 1 => "Unigram", 3 => "Word", 4 => "Char", _ => "unknown" };

    private static Piece ReadPiece(ReadOnlySpan<byte> message)
    {
        string text = "";
        float score = 0;
        int kind = (int)Kind.Normal;
        var reader = new ProtobufReader(message);
        while (reader.Read())
        {
            switch (reader.Field)
            {
                case 1: text = reader.Text; break;
                case 2: score = reader.Single; break;
                case 3: kind = reader.Number; break;
            }
        }
        Require(float.IsFinite(score), $"the score of \"{text}\" is not a number");
        Require(Enum.IsDefined((Kind)kind), $"\"{text}\" is a piece of unknown type {kind}");
        return new Piece(text, score, (Kind)kind);
    }

    private void ReadTrainer(ReadOnlySpan<byte> message)
    {
        var reader = new ProtobufReader(message);
        while (reader.Read())
        {
            switch (reader.Field)
            {
                case 3: _modelType = reader.Number; break;
                case 24: _whitespaceAsSuffix = reader.Truth; break;
                case 35: _byteFallback = reader.Truth; break;
                case 41: _bosId = reader.Number; break;
                case 42: _eosId = reader.Number; break;
            }
        }
    }

    private void ReadNormalizer(ReadOnlySpan<byte> message)
    {
        _hasNormalizer = true;
        var reader = new ProtobufReader(message);
        while (reader.Read())
        {
            switch (reader.Field)
            {
                case 2: _hasCharacterMap = reader.Bytes.Length > 0; break;
                case 3: _addDummyPrefix = reader.Truth; break;
                case 4: _removeExtraWhitespaces = reader.Truth; break;
                case 5: _escapeWhitespaces = reader.Truth; break;
            }
        }
    }

    private static void Require(bool condition, string complaint)
    {
        if (!condition)
        {
            throw new FormatException(complaint);
        }
    }
}
