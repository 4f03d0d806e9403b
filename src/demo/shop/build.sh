#!/bin/sh
# Makes the site in dist/: a page for each product, an index, a style sheet, and assets that carry their content's hash in
# their name, so that old pages and new pages find each their own.
set -eu
rm -rf dist
mkdir -p dist/assets dist/products

for file in assets/* style.css; do
  name=$(basename "$file")
  hash=$(sha256sum "$file" | cut -c1-8)
  cp "$file" "dist/assets/${name%.*}.$hash.${name##*.}"
done
style=$(cd dist && echo assets/style.*.css)
logo=$(cd dist && echo assets/logo.*.svg)
yarn=$(cd dist && echo assets/yarn.*.svg)

page() { # page TITLE UP < body
  printf '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<title>%s</title>\n' "$1"
  printf '<link rel="stylesheet" href="%s%s">\n<header><img src="%s%s" alt="">%s</header>\n' "$2" "$style" "$2" "$logo" "$(cat banner.txt)"
  printf '<main>\n%s\n</main>\n</html>\n' "$(cat)"
}

links=
count=0
while IFS=';' read -r id price name; do
  [ -n "$id" ] || continue
  printf '<h1>%s</h1><img src="../%s" alt=""><p class="price">%s</p>' "$name" "$yarn" "$price" | page "$name" ../ >"dist/products/$id.html"
  links="$links<li><a href=\"products/$id.html\">$name</a> <b>$price</b></li>
"
  count=$((count + 1))
done <products.csv
printf '<ul>%s</ul>' "$links" | page "Hook &amp; Needle" "" >dist/index.html
cat announcements.txt >dist/announcements.txt
echo "built $count product pages, $(find dist -type f | wc -l) files"
