"""What pages say to people who came by a link, in their own language: the one of theirs that we speak."""

from __future__ import annotations

from typing import NamedTuple

RIGHT_TO_LEFT = frozenset({"ar", "fa", "he", "ur"})
DEFAULT = "en"


class Words(NamedTuple):
    generated: str
    """The label of a picture that a machine made."""
    edited: str
    """Of a real one that a machine changed."""
    picture: str
    full_size: str
    password: str
    """Asks for it."""
    show: str
    wrong: str
    wait: str
    gone: str
    expired: str
    how: str
    """Above how it was made: by these."""
    prompt: str
    negative_prompt: str
    model: str
    seed: str


_SPOKEN: dict[str, tuple[str, ...]] = {
    "en": ("AI-generated", "Edited with AI", "Shared picture", "Full size", "This picture is protected by a password.",
           "Show", "This is not the password.", "Too many attempts. Wait a while, then try again.",
           "There is nothing here. The link is wrong, or it was withdrawn.", "This link has expired.", "How it was made",
           "Prompt", "Negative prompt", "Model", "Seed"),
    "de": ("KI-generiert", "Mit KI bearbeitet", "Geteiltes Bild", "Volle Größe",
           "Dieses Bild ist durch ein Passwort geschützt.", "Anzeigen",
           "Das ist nicht das Passwort.", "Zu viele Versuche. Bitte warte etwas und versuche es dann erneut.",
           "Hier ist nichts. Der Link ist falsch oder wurde zurückgezogen.", "Dieser Link ist abgelaufen.",
           "So ist es entstanden",
           "Beschreibung", "Ausgeschlossen", "Modell", "Startwert"),
    "fr": ("Généré par IA", "Modifié par IA", "Image partagée", "Taille réelle",
           "Cette image est protégée par un mot de passe.", "Afficher",
           "Ce n’est pas le mot de passe.", "Trop de tentatives. Patientez un peu, puis réessayez.",
           "Il n’y a rien ici. Le lien est erroné ou a été retiré.", "Ce lien a expiré.", "Comment elle a été créée",
           "Consigne", "Consigne négative", "Modèle", "Graine"),
    "es": ("Generado por IA", "Editado con IA", "Imagen compartida", "Tamaño completo",
           "Esta imagen está protegida con una contraseña.", "Mostrar", "Esa no es la contraseña.",
           "Demasiados intentos. Espere un poco y vuelva a intentarlo.",
           "Aquí no hay nada. El enlace es incorrecto o fue retirado.", "Este enlace ha caducado.", "Cómo se creó",
           "Instrucción", "Instrucción negativa", "Modelo", "Semilla"),
    "it": ("Generata dall’IA", "Modificata con l’IA", "Immagine condivisa", "Dimensioni originali",
           "Questa immagine è protetta da una password.", "Mostra", "La password non è corretta.",
           "Troppi tentativi. Attendi un po’ e riprova.",
           "Qui non c’è nulla. Il link è errato o è stato ritirato.", "Questo link è scaduto.", "Come è stata creata",
           "Richiesta", "Richiesta negativa", "Modello", "Seme"),
    "pt": ("Gerado por IA", "Editado com IA", "Imagem partilhada", "Tamanho original",
           "Esta imagem está protegida por uma palavra-passe.", "Mostrar", "Essa não é a palavra-passe.",
           "Demasiadas tentativas. Aguarde um pouco e tente novamente.",
           "Não há nada aqui. O link está errado ou foi retirado.", "Este link expirou.", "Como foi criada",
           "Instrução", "Instrução negativa", "Modelo", "Semente"),
    "nl": ("Gegenereerd met AI", "Bewerkt met AI", "Gedeelde afbeelding", "Volledig formaat",
           "Deze afbeelding is met een wachtwoord beveiligd.", "Tonen", "Dat is niet het wachtwoord.",
           "Te veel pogingen. Wacht even en probeer het opnieuw.",
           "Hier is niets. De link is onjuist of is ingetrokken.", "Deze link is verlopen.", "Hoe ze is gemaakt",
           "Beschrijving", "Uitgesloten", "AI-model", "Startwaarde"),
    "sv": ("AI-genererad", "Redigerad med AI", "Delad bild", "Full storlek", "Bilden är skyddad med ett lösenord.",
           "Visa", "Det är inte rätt lösenord.", "För många försök. Vänta en stund och försök igen.",
           "Här finns inget. Länken är fel eller har dragits tillbaka.", "Länken har gått ut.", "Så gjordes den",
           "Beskrivning", "Uteslutet", "Modell", "Startvärde"),
    "pl": ("Wygenerowano przez AI", "Edytowano przy użyciu AI", "Udostępniony obraz", "Pełny rozmiar",
           "Ten obraz jest chroniony hasłem.", "Pokaż", "To nie jest właściwe hasło.",
           "Zbyt wiele prób. Odczekaj chwilę i spróbuj ponownie.",
           "Nic tu nie ma. Link jest błędny lub został wycofany.", "Ten link wygasł.", "Jak powstał",
           "Opis", "Opis negatywny", "Użyty model", "Ziarno"),
    "cs": ("Vytvořeno pomocí AI", "Upraveno pomocí AI", "Sdílený obrázek", "Plná velikost",
           "Tento obrázek je chráněn heslem.", "Zobrazit", "Toto heslo není správné.",
           "Příliš mnoho pokusů. Chvíli počkejte a zkuste to znovu.",
           "Nic tu není. Odkaz je chybný nebo byl zrušen.", "Platnost odkazu vypršela.", "Jak vznikl",
           "Zadání", "Negativní zadání", "Použitý model", "Semínko"),
    "tr": ("Yapay zekâ ile oluşturuldu", "Yapay zekâ ile düzenlendi", "Paylaşılan görsel", "Tam boyut",
           "Bu görsel bir parolayla korunuyor.", "Göster", "Parola bu değil.",
           "Çok fazla deneme yapıldı. Biraz bekleyip yeniden deneyin.",
           "Burada bir şey yok. Bağlantı yanlış ya da geri çekilmiş.", "Bu bağlantının süresi doldu.", "Nasıl oluşturuldu",
           "İstem", "Olumsuz istem", "Kullanılan model", "Tohum"),
    "ru": ("Создано ИИ", "Изменено с помощью ИИ", "Изображение по ссылке", "Полный размер",
           "Это изображение защищено паролем.", "Показать", "Неверный пароль.",
           "Слишком много попыток. Подождите немного и попробуйте снова.",
           "Здесь ничего нет. Ссылка неверна или отозвана.", "Срок действия ссылки истёк.", "Как оно создано",
           "Запрос", "Негативный запрос", "Модель", "Зерно"),
    "uk": ("Створено ШІ", "Змінено за допомогою ШІ", "Зображення за посиланням", "Повний розмір",
           "Це зображення захищено паролем.", "Показати", "Неправильний пароль.",
           "Забагато спроб. Зачекайте трохи й спробуйте ще раз.",
           "Тут нічого немає. Посилання хибне або його відкликано.", "Термін дії посилання минув.", "Як його створено",
           "Запит", "Негативний запит", "Модель", "Зерно"),
    "ar": ("مُنشأة بالذكاء الاصطناعي", "معدَّلة بالذكاء الاصطناعي", "صورة مُشارَكة", "الحجم الكامل",
           "هذه الصورة محمية بكلمة مرور.", "عرض", "كلمة المرور غير صحيحة.",
           "محاولات كثيرة جدًا. انتظر قليلًا ثم حاول مجددًا.",
           "لا يوجد شيء هنا. الرابط خاطئ أو تم سحبه.", "انتهت صلاحية هذا الرابط.", "كيف أُنشئت",
           "الوصف", "الوصف السلبي", "النموذج", "البذرة"),
    "he": ("נוצר באמצעות בינה מלאכותית", "נערך באמצעות בינה מלאכותית", "תמונה משותפת", "גודל מלא",
           "התמונה מוגנת בסיסמה.", "הצגה", "זו אינה הסיסמה.", "יותר מדי ניסיונות. יש להמתין מעט ולנסות שוב.",
           "אין כאן דבר. הקישור שגוי או בוטל.", "תוקף הקישור פג.", "כיצד נוצרה",
           "הנחיה", "הנחיה שלילית", "מודל", "ערך התחלתי"),
    "hi": ("एआई द्वारा निर्मित", "एआई से संपादित", "साझा किया गया चित्र", "पूरा आकार",
           "यह चित्र पासवर्ड से सुरक्षित है।", "दिखाएँ", "यह पासवर्ड सही नहीं है।",
           "बहुत अधिक प्रयास हुए। थोड़ी देर बाद फिर कोशिश करें।",
           "यहाँ कुछ नहीं है। लिंक गलत है या वापस ले लिया गया है।", "इस लिंक की अवधि समाप्त हो गई है।", "यह कैसे बना",
           "प्रॉम्प्ट", "नकारात्मक प्रॉम्प्ट", "मॉडल", "सीड"),
    "th": ("สร้างโดย AI", "แก้ไขด้วย AI", "ภาพที่แชร์", "ขนาดเต็ม", "ภาพนี้มีรหัสผ่านป้องกัน",
           "แสดง", "รหัสผ่านไม่ถูกต้อง", "ลองหลายครั้งเกินไป โปรดรอสักครู่แล้วลองใหม่",
           "ไม่มีอะไรที่นี่ ลิงก์ไม่ถูกต้องหรือถูกยกเลิกแล้ว", "ลิงก์นี้หมดอายุแล้ว", "ภาพนี้สร้างอย่างไร",
           "พรอมต์", "พรอมต์เชิงลบ", "โมเดล", "ค่าซีด"),
    "vi": ("Do AI tạo", "Chỉnh sửa bằng AI", "Hình ảnh được chia sẻ", "Kích thước đầy đủ",
           "Hình ảnh này được bảo vệ bằng mật khẩu.", "Hiển thị", "Mật khẩu không đúng.",
           "Quá nhiều lần thử. Hãy đợi một lát rồi thử lại.",
           "Không có gì ở đây. Liên kết sai hoặc đã bị thu hồi.", "Liên kết này đã hết hạn.", "Hình được tạo thế nào",
           "Câu lệnh", "Câu lệnh phủ định", "Mô hình", "Hạt giống"),
    "id": ("Dibuat dengan AI", "Diedit dengan AI", "Gambar yang dibagikan", "Ukuran penuh",
           "Gambar ini dilindungi kata sandi.", "Tampilkan", "Kata sandinya salah.",
           "Terlalu banyak percobaan. Tunggu sebentar, lalu coba lagi.",
           "Tidak ada apa-apa di sini. Tautannya salah atau telah dicabut.", "Tautan ini telah kedaluwarsa.",
           "Cara pembuatannya",
           "Perintah", "Perintah negatif", "Model yang dipakai", "Benih"),
    "ja": ("AI生成", "AIで編集", "共有された画像", "原寸で表示", "この画像はパスワードで保護されています。",
           "表示", "パスワードが違います。", "試行回数が多すぎます。しばらくしてからもう一度お試しください。",
           "ここには何もありません。リンクが間違っているか、取り消されました。", "このリンクは期限切れです。", "作成方法",
           "プロンプト", "ネガティブプロンプト", "モデル", "シード値"),
    "ko": ("AI 생성", "AI로 편집", "공유된 이미지", "원본 크기", "이 이미지는 비밀번호로 보호되어 있습니다.",
           "보기", "비밀번호가 올바르지 않습니다.", "시도 횟수가 너무 많습니다. 잠시 후 다시 시도하세요.",
           "여기에는 아무것도 없습니다. 링크가 잘못되었거나 취소되었습니다.", "이 링크는 만료되었습니다.", "만든 방법",
           "프롬프트", "네거티브 프롬프트", "모델", "시드"),
    "zh": ("AI 生成", "经 AI 编辑", "分享的图片", "查看原图", "此图片受密码保护。",
           "显示", "密码不正确。", "尝试次数过多，请稍后再试。",
           "这里什么都没有。链接有误或已被撤回。", "此链接已过期。", "制作方式",
           "提示词", "反向提示词", "模型", "种子"),
    "zh-hant": ("AI 生成", "經 AI 編輯", "分享的圖片", "檢視原圖", "此圖片受密碼保護。",
                "顯示", "密碼不正確。", "嘗試次數過多，請稍後再試。",
                "這裡什麼都沒有。連結有誤或已被撤回。", "此連結已過期。", "製作方式",
                "提示詞", "反向提示詞", "模型", "種子"),
}  # fmt: skip
SPOKEN = {language: Words(*said) for language, said in _SPOKEN.items()}
_ALSO = {"zh-tw": "zh-hant", "zh-hk": "zh-hant", "zh-mo": "zh-hant", "in": "id", "iw": "he"}
"""Tags that mean one of these: by the region, and of old."""
_MOST = 20
"""Languages of a header that are looked at."""


def language(accepted: str) -> str:
    """The language spoken here that an Accept-Language header (RFC 9110, section 12.5.4) wants most."""
    wanted: list[tuple[float, int, str]] = []
    for place, each in enumerate(accepted.split(",")[:_MOST]):
        tag, _, weight = each.partition(";")
        quality = _quality(weight)
        if quality > 0:
            wanted.append((-quality, place, tag.strip().lower()))
    for _, _, tag in sorted(wanted):
        found = _spoken(tag)
        if found:
            return found
    return DEFAULT


def _spoken(tag: str) -> str | None:
    """By the longest beginning that we know (RFC 4647, section 3.4)."""
    parts = tag.split("-")
    for length in range(len(parts), 0, -1):
        beginning = "-".join(parts[:length])
        known = _ALSO.get(beginning, beginning)
        if known in SPOKEN:
            return known
    return None


def _quality(weight: str) -> float:
    name, _, value = weight.strip().partition("=")
    if name.strip().lower() != "q":
        return 1.0
    try:
        return min(float(value), 1.0)
    except ValueError:
        return 0.0
